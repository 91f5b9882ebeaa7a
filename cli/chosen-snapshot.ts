import type { Config, Job } from "../lib/config/schema.ts";
import { NotFoundError } from "../lib/errors.ts";
import { findSnapshot, type SnapshotEntry } from "../lib/snapshots.ts";
import type { Storage } from "../lib/storage/storage.ts";
import type { CommandOptions } from "./command.ts";
import { knownNames } from "./known.ts";
import { chosenJobs } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** For commands that take one job. @throws UsageError */
export function theJob(config: Config, { jobs }: CommandOptions): Job {
  const [job] = chosenJobs(config, jobs);
  if (job === undefined) throw new UsageError("--job is missing");
  return job;
}

/** @throws UsageError for a snapshot that is not there, naming those nearest to it */
export async function theSnapshot(storage: Storage, job: Job, snapshot: string): Promise<SnapshotEntry> {
  try {
    return await findSnapshot(storage, job.name, snapshot);
  } catch (error) {
    throw error instanceof NotFoundError ? new UsageError(error.message, { cause: error }) : error;
  }
}

/** @throws UsageError for a unit that the snapshot does not hold */
export function checkUnit({ snapshot, manifest }: SnapshotEntry, unit: string | undefined): void {
  const known = manifest?.units.map(({ id }) => id);
  if (unit === undefined || known === undefined || known.includes(unit)) return;
  throw new UsageError(`snapshot ${snapshot} has no unit ${unit}${knownNames(unit, known)}`);
}
