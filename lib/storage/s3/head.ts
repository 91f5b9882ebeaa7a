import { HeadObjectCommand, type HeadObjectCommandOutput, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { CodedError, NotFoundError } from "../../errors.ts";
import { at, patiently, type S3Store } from "./store.ts";

/** What the bucket says of an object; undefined when it has none of that key. */
export async function headObject(store: S3Store, key: string): Promise<HeadObjectCommandOutput | undefined> {
  const doing = { what: `looking for ${key}`, needs: ["s3:GetObject", "s3:ListBucket"] };
  try {
    return await patiently(store, doing, (options) =>
      store.client.send(new HeadObjectCommand(at(store, key)), options),
    );
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (error instanceof CodedError && isBodiless(error)) await explain(store, key);
    throw error;
  }
}

/** The answer to HEAD has no body and so no reason: 400, 403 and 301 are all that is told. */
const isBodiless = (error: CodedError): boolean =>
  ["STORAGE_FORBIDDEN", "STORAGE_FAILED", "STORAGE_REGION"].includes(error.code);

/** A listing fails for the same reason, and names it. When it works, the right to look at the object is what is missing. */
async function explain(store: S3Store, key: string): Promise<void> {
  const { Bucket, Key } = at(store, key);
  const list = new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 });
  await patiently(store, { what: `looking for ${key}`, needs: ["s3:ListBucket"] }, (options) =>
    store.client.send(list, options),
  );
}
