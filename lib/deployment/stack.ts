import type { S3Options } from "../config/s3-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import type { StorageOptions } from "../config/storage-options.ts";

/** A deployment of serverless.yml: its service, `--stage` and `--region`. */
export interface Stack {
  readonly service: string;
  readonly stage: string;
  readonly region: string;
}

/** As serverless.yml has them. */
export const DEFAULT_SERVICE = "core-backup";
export const DEFAULT_STAGE = "dev";
export const DEFAULT_REGION = "eu-central-1";

/** The variable that the stack sets for its functions: the bucket of the stack, or the one that was given. */
export const BUCKET_VARIABLE = "S3_BUCKET";

/** A copy that prune removed, or a run replaced, can be had again for so long from the bucket that the stack makes, unless `--param=oldVersionsDays` says otherwise. */
export const OLD_VERSIONS_DAYS = 30;

/** Below it in that bucket, state machines read the plans of jobs whose snapshots lie where they cannot. */
export const PLAN_COPIES_PREFIX = ".core-backup-plans/";

/** Whether that is the bucket that a storage's snapshots lie in. */
export const isInStackBucket = (storage: StorageOptions): boolean =>
  storage.type === "s3" && storage.bucket_env === BUCKET_VARIABLE;

const HOST_OF_AWS = /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/;

/** Whether that is a bucket of Amazon S3, in which rights of AWS count: one with an endpoint may be of another make. */
export const isBucketOfAws = (storage: StorageOptions): boolean =>
  storage.type === "s3" && (storage.endpoint === undefined || HOST_OF_AWS.test(new URL(storage.endpoint).hostname));

/** Whether it is opened by others than who reads or writes it has of AWS: its keys, or a role that it names. */
export const hasOwnCredentials = (storage: S3Options): boolean =>
  storage.role_arn !== undefined || secretOf(storage, "access_key_id") !== undefined;

/**
 * Whether a state machine in that region can read what lies there by its own rights, as it reads the list of a fan-out: from
 * buckets of its region alone
 * (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html), and with no credentials of a storage's own.
 */
export function isReadByMachines(storage: StorageOptions, region: string | undefined): boolean {
  if (storage.type !== "s3" || !isBucketOfAws(storage)) return false;
  // As the client of a storage has it (lib/storage/s3/open.ts).
  const unsaid = storage.endpoint === undefined ? region : "us-east-1";
  return !hasOwnCredentials(storage) && (storage.region ?? unsaid) === region;
}

/** Below it in that bucket, the watch keeps what it told of storages that cannot be asked. Stacks that share one each have their own. */
export const watchMemoryPrefix = (stack: string): string => `.core-backup-watch/${stack}/`;

/** What the names of everything in it begin with. */
export const stackName = ({ service, stage }: Pick<Stack, "service" | "stage">): string => `${service}-${stage}`;

const CONSOLES: Readonly<Record<string, string>> = {
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

/** Where a person sees an execution. */
export function consoleLink(executionArn: string): string {
  const [, partition = "aws", , region = ""] = executionArn.split(":");
  const host = CONSOLES[partition] ?? "console.aws.amazon.com";
  return `https://${region}.${host}/states/home?region=${region}#/v2/executions/details/${executionArn}`;
}
