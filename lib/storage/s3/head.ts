import { HeadObjectCommand, type HeadObjectCommandOutput, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { CodedError, NotFoundError, StorageError } from "../../errors.ts";
import type { StoredObject } from "../storage.ts";
import { at, patiently, type S3Store } from "./store.ts";

export async function describeObject(store: S3Store, key: string): Promise<StoredObject | undefined> {
  const found = await headObject(store, key);
  if (found === undefined) return undefined;
  const lock = lockOf(found, store.now());
  return { key, bytes: lengthOf(store, key, found), ...(lock === undefined ? {} : { lock }) };
}

/** @throws StorageError for a server that does not tell it */
export function lengthOf({ name, bucket }: S3Store, key: string, { ContentLength }: HeadObjectCommandOutput): number {
  if (ContentLength !== undefined) return ContentLength;
  const message = `storage ${name}, bucket ${bucket}: looking for ${key}: the storage does not say how long it is`;
  throw new StorageError("STORAGE_FAILED", message);
}

function lockOf(found: HeadObjectCommandOutput, now: Date): string | undefined {
  const { ObjectLockRetainUntilDate: until, ObjectLockLegalHoldStatus: hold } = found;
  if (hold === "ON") return "under a legal hold";
  return until !== undefined && until > now ? `locked until ${until.toISOString()}` : undefined;
}

/** What the bucket says of an object; undefined when it has none of that key. */
export async function headObject(store: S3Store, key: string): Promise<HeadObjectCommandOutput | undefined> {
  const doing = { what: `looking for ${key}`, needs: ["s3:GetObject", "s3:ListBucket"] };
  try {
    return await patiently(store, doing, (options) =>
      store.client.send(new HeadObjectCommand(at(store, key)), options),
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
