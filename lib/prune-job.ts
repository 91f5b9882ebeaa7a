import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { StorageError } from "./errors.ts";
import { jobPrefix } from "./keys.ts";
import type { LeaseRequest } from "./lease/acquire-lease.ts";
import { type LeasedBackup, underLease } from "./lease/under-lease.ts";
import { type PruneResult, prune } from "./prune.ts";

/**
 * Prunes a job outside of a run, under a lease of its own; `begin` is called once that is held. As by a run, what others have in
 * the making is cleared away first, so that who was taken over cannot end it when it goes on: also where the lease was given back since,
 * as whoever took it before may not have come so far.
 * @throws LeaseHeldError, and as `prune`
 */
export async function pruneJob(
  backup: Backup,
  job: Job,
  { waitMs, begin }: Pick<LeaseRequest, "waitMs"> & { readonly begin: () => void },
): Promise<PruneResult> {
  return underLease(backup, job, { purpose: "prune", processBound: true, waitMs }, async (leased) => {
    begin();
    await clearAway(leased, job);
    return prune(leased, { job: job.name, dryRun: false });
  });
}

/** On a full disk it is cleared away as well, and then there may be room. */
async function clearAway(backup: LeasedBackup, job: Job): Promise<void> {
  const storage = await backup.storage(job);
  try {
    await storage.prepare(jobPrefix(job.name));
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "STORAGE_FULL")) throw error;
  }
}
