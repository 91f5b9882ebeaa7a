import { DeleteObjectCommand, DeleteObjectsCommand } from "@aws-sdk/client-s3";
import { StorageError } from "../../errors.ts";
import { eachLimited } from "../../pool.ts";
import { answerCode, isNotImplemented } from "./errors.ts";
import { at, patiently, type S3Store } from "./store.ts";

/** S3's bound. */
const KEYS_AT_ONCE = 1_000;
const SINGLE_AT_ONCE = 16;
const NEEDS = ["s3:DeleteObject"];

/** In batches, in the given order of batches; within one there is no order. Versioned buckets keep what was removed as a version. */
export async function removeObjects(store: S3Store, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
    await removeBatch(store, keys.slice(start, start + KEYS_AT_ONCE));
  }
}

/**
 * The object that was made here, and none that another process has put in its place since. What cannot be removed stays, and is
 * replaced by what is stored there next.
 */
export async function removeMade(store: S3Store, key: string, IfMatch: string): Promise<void> {
  const doing = { what: `removing ${key}`, needs: NEEDS };
  const command = new DeleteObjectCommand({ ...at(store, key), IfMatch });
  try {
    await patiently(store, doing, (options) => store.client.send(command, options));
  } catch (error) {
    store.signal.throwIfAborted();
    store.log.debug(error instanceof Error ? error.message : String(error), { storage: store.name });
  }
}

async function removeBatch(store: S3Store, keys: readonly string[]): Promise<void> {
  const [only, ...others] = keys;
  if (only !== undefined && others.length === 0) return removeOne(store, only);
  const doing = { what: `removing ${only} and ${others.length} more`, needs: NEEDS };
  const command = new DeleteObjectsCommand({
    Bucket: store.bucket,
    Delete: { Objects: keys.map((key) => ({ Key: at(store, key).Key })), Quiet: true },
    ChecksumAlgorithm: "CRC32",
  });
  try {
    const { Errors } = await patiently(store, doing, (options) => store.client.send(command, options));
    const left = (Errors ?? []).filter(({ Code }) => Code !== "NoSuchKey");
    if (left.length > 0)
      await eachLimited(
        left.map(({ Key }) => ownKey(store, Key)),
        SINGLE_AT_ONCE,
        (key) => removeOne(store, key),
      );
  } catch (error) {
    if (!isBatchUnknown(error)) throw error;
    await eachLimited(keys, SINGLE_AT_ONCE, (key) => removeOne(store, key));
  }
}

/** Some compatible stores have no such request, or want the checksum that AWS gave up. */
const isBatchUnknown = (error: unknown): boolean =>
  isNotImplemented(error) ||
  ["MissingContentMD5", "InvalidRequest", "InvalidArgument"].includes(answerCode(error) ?? "");

async function removeOne(store: S3Store, key: string): Promise<void> {
  const doing = { what: `removing ${key}`, needs: NEEDS };
  try {
    await patiently(store, doing, (options) => store.client.send(new DeleteObjectCommand(at(store, key)), options));
  } catch (error) {
    if (answerCode(error) !== "NoSuchKey") throw error;
  }
}

function ownKey(store: S3Store, full: string | undefined): string {
  if (full?.startsWith(store.prefix) === true) return full.slice(store.prefix.length);
  throw new StorageError(
    "STORAGE_FAILED",
    `storage ${store.name}: removing failed for ${full}, which was not asked for`,
  );
}
