import type { ObjectSettings, S3Store } from "./store.ts";

const DAY_MS = 86_400_000;

/** The parameters that every request has by which an object comes to be: a put, an upload's beginning, a copy. */
export function objectFields({ objects, now }: S3Store, key: string) {
  const { storageClass, sse, kmsKey, tags } = objects;
  return {
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(kmsKey === undefined ? {} : { SSEKMSKeyId: kmsKey }),
    ...(sse === "aws:kms" ? { BucketKeyEnabled: true } : {}),
    ...(tags === undefined ? {} : { Tagging: new URLSearchParams(tags).toString() }),
    ...lockFields(objects, key, now()),
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

/** Not for what comes and goes, as `.lease` does: each renewal would stay for as long as a backup. */
function lockFields({ lock }: ObjectSettings, key: string, now: Date) {
  const name = key.slice(key.lastIndexOf("/") + 1);
  if (lock === undefined || name.startsWith(".")) return {};
  const until = new Date(now.getTime() + lock.days * DAY_MS);
  return { ObjectLockMode: lock.mode, ObjectLockRetainUntilDate: until };
}
