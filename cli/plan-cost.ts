import type { Backup } from "../lib/backup.ts";
import type { Job } from "../lib/config/schema.ts";
import { type JobCost, jobCost, type PricedUnit } from "../lib/cost/job-cost.ts";
import type { Prices } from "../lib/cost/prices.ts";
import { isInStackBucket, OLD_VERSIONS_DAYS } from "../lib/deployment/stack.ts";
import type { SnapshotEntry } from "../lib/snapshot-entry.ts";
import { isNarrowed, snapshotsNewestFirst } from "../lib/snapshots.ts";

/** What a planned run of the job costs, by what its last whole snapshot says of sizes and times. */
export async function planCost(
  backup: Backup,
  job: Job,
  units: readonly PricedUnit[],
  prices: Prices,
): Promise<JobCost> {
  let snapshots = 0;
  let last: SnapshotEntry | undefined;
  for await (const entry of snapshotsNewestFirst(await backup.storage(job), job.name)) {
    snapshots += 1;
    if (!isNarrowed(entry)) last ??= entry;
  }
  const { manifest, verification } = last ?? {};
  const known = manifest === undefined ? undefined : { manifest, verification };
  const storage = backup.config.storage[job.target_storage];
  const oldVersionsDays = storage !== undefined && isInStackBucket(storage) ? OLD_VERSIONS_DAYS : 0;
  return jobCost(job, units, known, { snapshots, oldVersionsDays, now: backup.now(), prices });
}
