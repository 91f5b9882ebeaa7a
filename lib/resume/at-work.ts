import type { Job } from "../config/schema.ts";
import { IntegrityError } from "../errors.ts";
import { snapshotTime } from "../keys.ts";
import { lastAtWork, readLease } from "../lease/lease-document.ts";
import { newestRecord, recordedUnits } from "../record.ts";
import { AHEAD_MS } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";
import { lastResumed } from "./times-resumed.ts";

/** So many records are read at most, the last ones: units are begun in the order of the plan. */
const LAST_RECORDS = 64;

/**
 * Whether an unfinished run was still at work within the job's `resume_within` before `now`, by what it left: that it began, was
 * taken up again, renewed the lease that it was the last run to have, or wrote the record of a unit. Otherwise a run that lasts longer than that could never be taken up.
 * @throws StorageError | TransientError
 */
export async function wasAtWorkWithin(
  storage: Storage,
  { name, resumeWithinMs }: Pick<Job, "name" | "resumeWithinMs">,
  snapshot: string,
  now: Date,
): Promise<boolean> {
  const isWithin = (at: Date | undefined) => {
    const age = at === undefined ? Number.NaN : now.getTime() - at.getTime();
    // What a clock wrote that was ahead would count for as long as that was.
    return age >= -AHEAD_MS && age <= resumeWithinMs;
  };
  if (isWithin(snapshotTime(snapshot))) return true;
  if (resumeWithinMs === 0) return false;
  if (isWithin(await lastResumed(storage, name, snapshot))) return true;
  const lease = (await readLease(storage, name))?.document;
  for (const run of [lastAtWork(lease), lease?.before]) {
    if (run?.snapshot === snapshot && isWithin(new Date(run.renewedAt))) return true;
  }
  const recorded = [...(await recordedUnits(storage, name, snapshot))];
  const newestFirst = recorded.sort(([n, resumed], [m, before]) => before - resumed || m - n);
  for (const [n, resumed] of newestFirst.slice(0, LAST_RECORDS)) {
    const record = await unlessDamaged(() => newestRecord(storage, { job: name, snapshot, resumed }, n));
    if (record?.startedAt === undefined) continue;
    if (isWithin(new Date(Date.parse(record.startedAt) + record.durationMs))) return true;
  }
  return false;
}

/** What is damaged says nothing; whether the run can be gone on with is asked elsewhere. */
async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof RangeError) return undefined;
    throw error;
  }
}
