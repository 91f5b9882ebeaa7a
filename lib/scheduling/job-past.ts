import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { IntegrityError } from "../errors.ts";
import { snapshotTime } from "../keys.ts";
import { isLive, readLease } from "../lease/lease-document.ts";
import { findUnfinished, plannedRun } from "../resume/resume.ts";
import { allResumed, lastResumed } from "../resume/times-resumed.ts";
import { foldersNewestFirst, isAhead } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";
import { type JobPast, latest, takenUpFrom } from "./turn.ts";

/**
 * What the storage says of a job's last run, for deciding whether one is due.
 * @throws ConfigError | StorageError | TransientError
 */
export async function jobPast(backup: Backup, job: Job): Promise<JobPast> {
  const storage = await backup.storage(job);
  // A share that is not mounted is empty, and would pass for a job that was never run.
  await storage.prepare();
  const running = isLive((await readLease(storage, job.name))?.document, backup.now());
  const found = running ? undefined : await findUnfinished(backup, job, "within");
  const last = await lastStart(storage, job.name);
  const begun = found === undefined ? undefined : snapshotTime(found.snapshot);
  if (found === undefined || begun === undefined) return { lastStart: last, unfinished: undefined, running };
  const [first] = (await allResumed(storage, job.name, found.snapshot)).resumedAt;
  return {
    lastStart: last,
    unfinished: takenUpFrom(begun, last, first === undefined ? first : new Date(first)),
    running,
  };
}

/**
 * When a run of the whole job was last begun or taken up again, however it ended: by the newest folder, and by the lease, which
 * tells of one that failed before it had a folder. `upTo`: what is dated after that counts for nothing.
 * @throws StorageError | TransientError
 */
export async function lastStart(storage: Storage, job: string, upTo?: Date): Promise<Date | undefined> {
  const lease = (await readLease(storage, job))?.document;
  let ofLease = lease?.purpose === "run" ? new Date(lease.acquiredAt) : undefined;
  if (upTo !== undefined && ofLease !== undefined && ofLease > upTo) ofLease = undefined;
  for await (const folder of foldersNewestFirst(storage, job)) {
    if (upTo !== undefined && isAhead(folder, upTo)) continue;
    if (!(await isNarrowed(storage, job, folder)))
      return latest(latest(snapshotTime(folder), await lastResumed(storage, job, folder)), ofLease);
    if (lease?.snapshot === folder) ofLease = undefined;
  }
  return ofLease;
}

/** One whose document does not say counts as whole: its time was served. */
async function isNarrowed(storage: Storage, job: string, snapshot: string): Promise<boolean> {
  try {
    return (await plannedRun(storage, { job, snapshot })).only !== undefined;
  } catch (error) {
    if (error instanceof IntegrityError) return false;
    throw error;
  }
}
