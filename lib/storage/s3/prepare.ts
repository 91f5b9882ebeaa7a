import { GetObjectLockConfigurationCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { StorageError } from "../../errors.ts";
import { answerCode } from "./errors.ts";
import { tryStoring } from "./probe.ts";
import type { Conditions } from "./publish.ts";
import { at, patiently, type S3Store } from "./store.ts";
import { sweepUploads } from "./sweep.ts";

/**
 * Tries all that a run will do, each with an error of its own: list, store, store under a condition. Clears away the
 * uploads of killed processes. Nothing stays but, in a versioned bucket, a deleted object of no bytes.
 */
export async function prepareBucket(store: S3Store, conditions: Conditions, owned: string | undefined): Promise<void> {
  await tryListing(store);
  if (store.objects.lock !== undefined) await requireObjectLock(store);
  await tryStoring(store, conditions, owned);
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
