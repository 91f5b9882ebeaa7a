import { DeleteObjectCommand, DeleteObjectsCommand } from "@aws-sdk/client-s3";
import { NotFoundError, StorageError } from "../../errors.ts";
import { eachLimited } from "../../pool.ts";
import { answerCode, isUnsupported } from "./errors.ts";
import { headObject } from "./head.ts";
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
 * The object that was made here, and none that another process has put in its place since. A store that knows no conditions of
 * removals is asked right before whether it is still that one: who replaces it between these two requests loses what it stored.
 * What cannot be removed stays, and is replaced by what is stored there next.
 */
export async function removeMade(store: S3Store, key: string, IfMatch: string): Promise<void> {
  const doing = { what: `removing ${key}`, needs: NEEDS };
  const command = new DeleteObjectCommand({ ...at(store, key), IfMatch });
  try {
    await patiently(store, doing, (options) => store.client.send(command, options)).catch(async (error: unknown) => {
      if (!isUnsupported(error)) throw error;
      if ((await headObject(store, key))?.ETag === IfMatch) await removeOne(store, key);
    });
  } catch (error) {
    store.signal.throwIfAborted();
    if (error instanceof NotFoundError || (error instanceof StorageError && error.code === "STORAGE_CHANGED")) return;
    const reason = error instanceof Error ? error.message : String(error);
    store.log.warn("what is there is not what was stored, and it cannot be removed", {
      storage: store.name,
      key,
      reason,
    });
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
const isBatchUnknown = (error: unknown): boolean => isUnsupported(error) || answerCode(error) === "MissingContentMD5";

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
