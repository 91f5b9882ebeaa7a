import type { Backup } from "../lib/backup.ts";
import type { Config, Job } from "../lib/config/schema.ts";
import { NotFoundError } from "../lib/errors.ts";
import type { SnapshotEntry } from "../lib/snapshot-entry.ts";
import { findChosen, findRestorable, isAhead, snapshotsNewestFirst } from "../lib/snapshots.ts";
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
export async function theSnapshot(backup: Backup, job: Job, snapshot = "latest"): Promise<SnapshotEntry> {
  const storage = await backup.storage(job);
  const entry = await found(findChosen(storage, job.name, snapshot, backup.now()));
  if (snapshot === "latest") await tellPassedOver(backup, job, entry);
  return entry;
}

/** The one to bring back, and that it holds the unit. @throws UsageError */
export async function theRestorable(backup: Backup, job: Job, options: CommandOptions): Promise<SnapshotEntry> {
  const { snapshot = "latest", unit } = options;
  const entry = await found(findRestorable(await backup.storage(job), job.name, { snapshot, unit }, backup.now()));
  if (snapshot === "latest") await tellPassedOver(backup, job, entry);
  checkUnit(entry, unit);
  return entry;
}

/** Whoever asks for the latest is to know of one that calls itself later, should it be our own clock that is behind. */
async function tellPassedOver(backup: Backup, job: Job, { snapshot }: SnapshotEntry): Promise<void> {
  for await (const entry of snapshotsNewestFirst(await backup.storage(job), job.name)) {
    if (entry.snapshot <= snapshot || !isAhead(entry.snapshot, backup.now())) return;
    const what = `snapshot ${entry.snapshot} is dated after now, and ${snapshot} is taken for the latest: name the other one to have that`;
    backup.log.warn(what, { job: job.name });
    return;
  }
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
