import {
  GetObjectRetentionCommand,
  HeadObjectCommand,
  type HeadObjectCommandInput,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
} from "@aws-sdk/client-s3";
import { CodedError, NotFoundError, StorageError } from "../../errors.ts";
import type { StoredObject } from "../storage.ts";
import { answerCode } from "./errors.ts";
import { isLockable } from "./object-fields.ts";
import { at, patiently, type S3Store } from "./store.ts";

export async function describeObject(store: S3Store, key: string): Promise<StoredObject | undefined> {
  const found = await headObject(store, key);
  if (found === undefined) return undefined;
  const lock = await lockOf(store, key, found);
  return { key, bytes: lengthOf(store, key, found), ...(lock === undefined ? {} : { lock }) };
}

/** @throws StorageError for a server that does not tell it */
export function lengthOf({ name, bucket }: S3Store, key: string, { ContentLength }: HeadObjectCommandOutput): number {
  if (ContentLength !== undefined) return ContentLength;
  const message = `storage ${name}, bucket ${bucket}: looking for ${key}: the storage does not say how long it is`;
  throw new StorageError("STORAGE_FAILED", message);
}

/**
 * AWS leaves out of its answer what one may not read, and an object then looks free: where ours are locked, one that has no lock is asked about by itself.
 * What may not be asked counts as locked: it is restored as before, and not removed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
async function lockOf(store: S3Store, key: string, found: HeadObjectCommandOutput): Promise<string | undefined> {
  if (found.ObjectLockLegalHoldStatus === "ON") return "under a legal hold";
  const isUntold = found.ObjectLockRetainUntilDate === undefined && isLockable(store, key);
  const until = isUntold ? await retainedUntil(store, key) : found.ObjectLockRetainUntilDate;
  if (until === "unknown") return "perhaps locked, which these credentials may not see (s3:GetObjectRetention)";
  return until !== undefined && until > store.now() ? `locked until ${until.toISOString()}` : undefined;
}

async function retainedUntil(store: S3Store, key: string): Promise<Date | "unknown" | undefined> {
  const doing = { what: `asking for the lock of ${key}`, needs: ["s3:GetObjectRetention"] };
  try {
    const { Retention } = await patiently(store, doing, (options) =>
      store.client.send(new GetObjectRetentionCommand(at(store, key)), options),
    );
    return Retention?.RetainUntilDate;
  } catch (error) {
    if (isForbidden(error)) return "unknown";
    // Stored before the configuration asked for locks; or gone meanwhile.
    if (answerCode(error) === "NoSuchObjectLockConfiguration" || error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** What the bucket says of an object; undefined when it has none of that key. */
export async function headObject(
  store: S3Store,
  key: string,
  also: Pick<HeadObjectCommandInput, "ChecksumMode"> = {},
): Promise<HeadObjectCommandOutput | undefined> {
  const doing = { what: `looking for ${key}`, needs: ["s3:GetObject", "s3:ListBucket"] };
  try {
    return await patiently(store, doing, (options) =>
      store.client.send(new HeadObjectCommand({ ...at(store, key), ...also }), options),
    );
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (error instanceof CodedError && isBodiless(error) && !(await isListed(store, key)) && isForbidden(error))
      return undefined;
    throw error;
  }
}

/** The answer to HEAD has no body and so no reason: 400, 403 and 301 are all that is told. */
const isBodiless = (error: CodedError): boolean =>
  ["STORAGE_FORBIDDEN", "STORAGE_FAILED", "STORAGE_REGION"].includes(error.code);

export const isForbidden = (error: unknown): boolean =>
  error instanceof StorageError && error.code === "STORAGE_FORBIDDEN";

/**
 * Asked after a refusal: a listing fails for the same reason, and names it. When it works and shows the object, the right to look
 * at it is what is missing; and when it does not, the object is: where the right to list is granted for a prefix, AWS
 * answers 403 for what is absent, since a look has no prefix.
 */
export async function isListed(store: S3Store, key: string): Promise<boolean> {
  const { Bucket, Key } = at(store, key);
  const list = new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 });
  const { Contents } = await patiently(store, { what: `looking for ${key}`, needs: ["s3:ListBucket"] }, (options) =>
    store.client.send(list, options),
  );
  return Contents?.[0]?.Key === Key;
}
