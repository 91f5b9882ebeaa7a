import type { S3Options } from "../lib/config/s3-options.ts";
import type { Config, Job } from "../lib/config/schema.ts";
import {
  BUCKET_VARIABLE,
  hasOwnCredentials,
  isBucketOfAws,
  isInStackBucket,
  isReadByMachines,
  PLAN_COPIES_PREFIX,
  watchMemoryPrefix,
} from "../lib/deployment/stack.ts";
import { type KmsKey, kmsKey } from "./kms-key.ts";

/** A bucket as a job's storage uses it. Name and ARN are texts, or what CloudFormation makes texts of. */
export interface BucketPlace {
  readonly name: unknown;
  readonly arn: unknown;
  /** Empty, or ending in `/`. */
  readonly prefix: string;
  /** Rights that the storage's options need beside reading and writing. */
  readonly more: readonly string[];
  /** What objects are encrypted with, where the storage, or the stack, names a key. */
  readonly key: KmsKey | undefined;
}

/** What the stack's variable stands for. */
export interface StackBucket {
  readonly name: unknown;
  readonly key: KmsKey | undefined;
  /** Of the stack. */
  readonly region: string;
}

/** Where a job's snapshots lie; undefined where that is no bucket of AWS, or others than the stack's roles have the rights to it. */
function placeOf(config: Config, job: Job, stack: StackBucket): BucketPlace | undefined {
  const storage = config.storage[job.target_storage];
  if (storage?.type !== "s3" || !isBucketOfAws(storage) || hasOwnCredentials(storage)) return undefined;
  const isOfStack = isInStackBucket(storage);
  const name = isOfStack ? stack.name : storage.bucket;
  if (name === undefined) {
    throw new Error(
      `storage ${job.target_storage}: the stack must know its bucket to give rights to it: use bucket, or bucket_env: ${BUCKET_VARIABLE}`,
    );
  }
  return {
    name,
    arn: arnOf(name),
    prefix: storage.prefix,
    more: moreRights(storage),
    key: storage.kms_key === undefined ? (isOfStack ? stack.key : undefined) : kmsKey(storage.kms_key, storage.region),
  };
}

/** Where the state machine reads a job's plan: with its snapshots, or where it cannot read those a copy in the stack's bucket. */
export const planPlaceOf = (config: Config, job: Job, stack: StackBucket): BucketPlace =>
  readPlaceOf(config, job, stack) ?? placeIn(stack, PLAN_COPIES_PREFIX);

/** Where plans are copied to; none where the machine of every job can read its snapshots. */
export function planCopiesOf(config: Config, stack: StackBucket): readonly BucketPlace[] {
  const [job] = config.jobs.filter((one) => readPlaceOf(config, one, stack) === undefined);
  return job === undefined ? [] : [planPlaceOf(config, job, stack)];
}

function readPlaceOf(config: Config, job: Job, stack: StackBucket): BucketPlace | undefined {
  const storage = config.storage[job.target_storage];
  return storage !== undefined && isReadByMachines(storage, stack.region) ? placeOf(config, job, stack) : undefined;
}

/** Where the watch of the stack of this name keeps what it told; none where every storage is in that bucket itself. */
export function watchMemoryOf(config: Config, bucket: StackBucket, stack: string): readonly BucketPlace[] {
  return Object.values(config.storage).every(isInStackBucket) ? [] : [placeIn(bucket, watchMemoryPrefix(stack))];
}

/** The places of all jobs, each once. */
export function placesOf(config: Config, stack: StackBucket): readonly BucketPlace[] {
  const places = config.jobs.flatMap((job) => placeOf(config, job, stack) ?? []);
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

const placeIn = (stack: StackBucket, prefix: string): BucketPlace => ({
  name: stack.name,
  arn: arnOf(stack.name),
  prefix,
  more: [],
  key: stack.key,
});

const arnOf = (name: unknown): unknown =>
  typeof name === "string"
    ? { "Fn::Sub": `arn:\${AWS::Partition}:s3:::${name}` }
    : { "Fn::GetAtt": ["BackupBucket", "Arn"] };

function moreRights({ object_lock, tags }: S3Options): readonly string[] {
  return [
    ...(object_lock === undefined ? [] : ["s3:PutObjectRetention", "s3:GetObjectRetention", "s3:GetObjectLegalHold"]),
    ...(tags === undefined ? [] : ["s3:PutObjectTagging"]),
  ];
}
