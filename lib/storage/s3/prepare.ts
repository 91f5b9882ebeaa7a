import { GetObjectLockConfigurationCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { NotFoundError, StorageError } from "../../errors.ts";
import { RESERVED_PREFIX } from "../key.ts";
import { answerCode, isNotImplemented } from "./errors.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { crcText } from "./parts.ts";
import type { Conditions } from "./publish.ts";
import { removeObjects } from "./remove.ts";
import { at, patiently, type S3Store } from "./store.ts";
import { sweepUploads } from "./sweep.ts";

const PROBE = `${RESERVED_PREFIX}probe`;
const PROBES = 3;
/** That of no object: the MD5 of what is not stored here. */
const NO_ETAG = `"${"0".repeat(32)}"`;

type Condition = { IfNoneMatch?: string; IfMatch?: string };

/**
 * Tries all that a run will do, each with an error of its own: list, store, store under a condition. Clears away the
 * uploads of killed processes. Nothing stays but, in a versioned bucket, a deleted object of no bytes.
 */
export async function prepareBucket(store: S3Store, conditions: Conditions, owned: string | undefined): Promise<void> {
  await tryListing(store);
  if (store.objects.lock !== undefined) await requireObjectLock(store);
  await tryStoring(store, conditions);
  await sweepUploads(store, owned);
}

async function tryListing(store: S3Store): Promise<void> {
  const { Bucket, Key: Prefix } = at(store, "");
  const command = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 });
  const doing = { what: "trying to list", needs: ["s3:ListBucket"] };
  await patiently(store, doing, (options) => store.client.send(command, options));
}

async function requireObjectLock(store: S3Store): Promise<void> {
  const doing = { what: "looking for Object Lock", needs: ["s3:GetBucketObjectLockConfiguration"] };
  const command = new GetObjectLockConfigurationCommand({ Bucket: store.bucket });
  const refused = (cause?: unknown) =>
    new StorageError(
      "STORAGE_FORBIDDEN",
      `storage ${store.name}, bucket ${store.bucket}: object_lock is set, but Object Lock is not enabled for the bucket`,
      { cause },
    );
  try {
    const answer = await patiently(store, doing, (options) => store.client.send(command, options));
    if (answer.ObjectLockConfiguration?.ObjectLockEnabled !== "Enabled") throw refused();
  } catch (error) {
    throw answerCode(error) === "ObjectLockConfigurationNotFoundError" ? refused(error) : error;
  }
}

/**
 * Under a name that no object has, always the same: a run without the right to remove leaves one object of no bytes and
 * not one each time. Not locked, which would keep it for as long as a backup.
 */
async function tryStoring(store: S3Store, conditions: Conditions): Promise<void> {
  const unlocked = { ...store, objects: { ...store.objects, lock: undefined } };
  const send = (condition: Condition, options: { abortSignal: AbortSignal }) =>
    store.client.send(
      new PutObjectCommand({
        ...at(store, PROBE),
        ...objectFields(unlocked, PROBE),
        ...condition,
        Body: new Uint8Array(),
        ContentLength: 0,
        ChecksumCRC32: crcText(0),
      }),
      options,
    );
  const put = () =>
    patiently(store, { what: "trying to store", needs: rightsToPut(unlocked) }, (options) => send({}, options));
  const putUnder = (condition: Condition) => async () => {
    await put();
    const doing = { what: "trying to store under a condition", needs: rightsToPut(unlocked) };
    return patiently(store, doing, (options) => send(condition, options));
  };
  const isKnown = conditions.supported === false;
  conditions.supported =
    (await isRefused(putUnder({ IfNoneMatch: "*" }))) && (await isRefused(putUnder({ IfMatch: NO_ETAG })));
  await removeProbe(store);
  if (conditions.supported || isKnown) return;
  store.log.warn(
    "the storage does not heed conditions when it stores: two runs of one job at the same time could overwrite each other's objects",
    { storage: store.name },
  );
}

/**
 * Whether the store heeds the condition. More than once, because another process may remove the probe in between: then what
 * is to be absent is, and what is to match is not found.
 */
async function isRefused(putDespite: () => Promise<unknown>): Promise<boolean> {
  for (let attempt = 0; attempt < PROBES; attempt += 1) {
    try {
      await putDespite();
    } catch (error) {
      if (error instanceof StorageError && error.code === "STORAGE_CHANGED") return true;
      if (error instanceof NotFoundError) continue;
      if (isNotImplemented(error)) return false;
      throw error;
    }
  }
  return false;
}

/** Whoever may not remove can still back up: prune alone needs that right, and says so. */
async function removeProbe(store: S3Store): Promise<void> {
  try {
    await removeObjects(store, [PROBE]);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "STORAGE_FORBIDDEN") throw error;
    store.log.info("these credentials may not remove objects, so prune will fail with them", { storage: store.name });
  }
}
