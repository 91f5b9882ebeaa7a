import type { Config, Job } from "../lib/config/schema.ts";
import { NotFoundError } from "../lib/errors.ts";
import { findRestorable, findSnapshot, type SnapshotEntry } from "../lib/snapshots.ts";
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
export const theSnapshot = (storage: Storage, job: Job, snapshot: string): Promise<SnapshotEntry> =>
  found(findSnapshot(storage, job.name, snapshot));

/** The one to bring back, and that it holds the unit. @throws UsageError */
export async function theRestorable(storage: Storage, job: Job, options: CommandOptions): Promise<SnapshotEntry> {
  const entry = await found(findRestorable(storage, job.name, options));
  checkUnit(entry, options.unit);
  return entry;
}

async function found(entry: Promise<SnapshotEntry>): Promise<SnapshotEntry> {
  try {
    return await entry;
  } catch (error) {
    throw error instanceof NotFoundError ? new UsageError(error.message, { cause: error }) : error;
  }
}

/** @throws UsageError for a unit that the snapshot does not hold */
function checkUnit({ snapshot, manifest }: SnapshotEntry, unit: string | undefined): void {
  const known = manifest?.units.map(({ id }) => id);
  if (unit === undefined || known === undefined || known.includes(unit)) return;
  throw new UsageError(`snapshot ${snapshot} has no unit ${unit}${knownNames(unit, known)}`);
}
