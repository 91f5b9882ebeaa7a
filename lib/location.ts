import { join, resolve } from "node:path";
import type { Config, Job } from "./config/schema.ts";
import type { StorageOptions } from "./config/storage-options.ts";
import { jobPrefix, snapshotPrefix } from "./keys.ts";

/** Where a snapshot lies, or all of a job's, for people to go and look. */
export function location(config: Config, job: Job, snapshot?: string): string {
  const storage = config.storage[job.target_storage];
  const prefix = snapshot === undefined ? jobPrefix(job.name) : snapshotPrefix(job.name, snapshot);
  return storage === undefined ? prefix : place(storage, prefix);
}

function place(storage: StorageOptions, prefix: string): string {
  if (storage.type !== "s3") return join(resolve(storage.base_path), prefix);
  const { bucket, bucket_env: variable, bucket_file: file, bucket_vault: vault } = storage;
  const named = bucket ?? (variable === undefined ? `(bucket of ${file ?? vault})` : `$${variable}`);
  return `s3://${named}/${storage.prefix}${prefix}`;
}
