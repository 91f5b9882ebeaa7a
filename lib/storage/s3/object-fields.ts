import type { ObjectSettings, S3Store } from "./store.ts";

const DAY_MS = 86_400_000;

/** The parameters that every request has by which an object comes to be: a put, an upload's beginning, a copy. */
export function objectFields(store: S3Store, key: string) {
  const { storageClass, sse, kmsKey, tags, lock } = store.objects;
  return {
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(kmsKey === undefined ? {} : { SSEKMSKeyId: kmsKey }),
    ...(sse === "aws:kms" ? { BucketKeyEnabled: true } : {}),
    ...(tags === undefined ? {} : { Tagging: new URLSearchParams(tags).toString() }),
    ...(lock !== undefined && isLockable(store, key) ? lockFields(lock, store.now()) : {}),
  };
}

/** The rights that storing takes with these settings. */
export function rightsToPut({ objects }: S3Store): readonly string[] {
  return [
    "s3:PutObject",
    ...(objects.tags === undefined ? [] : ["s3:PutObjectTagging"]),
    ...(objects.lock === undefined ? [] : ["s3:PutObjectRetention"]),
    ...(objects.sse === "aws:kms" ? ["kms:GenerateDataKey", "kms:Decrypt"] : []),
  ];
}

/** Whether it is locked when it is stored. What comes and goes, as `.lease` does, is not: each renewal would stay for as long as a backup. */
export const isLockable = ({ objects }: Pick<S3Store, "objects">, key: string): boolean =>
  objects.lock !== undefined && !key.slice(key.lastIndexOf("/") + 1).startsWith(".");

function lockFields(lock: NonNullable<ObjectSettings["lock"]>, now: Date) {
  const until = new Date(now.getTime() + lock.days * DAY_MS);
  return { ObjectLockMode: lock.mode, ObjectLockRetainUntilDate: until };
}
