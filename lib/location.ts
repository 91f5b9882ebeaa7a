import { join, resolve } from "node:path";
import type { Config, Job } from "./config/schema.ts";
import { jobPrefix, snapshotPrefix } from "./keys.ts";

/** Where a snapshot lies, or all of a job's, for people to go and look. */
export function location(config: Config, job: Job, snapshot?: string): string {
  const storage = config.storage[job.target_storage];
  const prefix = snapshot === undefined ? jobPrefix(job.name) : snapshotPrefix(job.name, snapshot);
  return storage === undefined ? prefix : join(resolve(storage.base_path), prefix);
}
