import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { StorageError } from "./errors.ts";
import { jobPrefix } from "./keys.ts";
import type { LeaseRequest } from "./lease/acquire-lease.ts";
import { readLease } from "./lease/lease-document.ts";
import { type LeasedBackup, underLease } from "./lease/under-lease.ts";
import { type PruneResult, prune } from "./prune.ts";

/**
 * Prunes a job outside of a run, under a lease of its own; `begin` is called once that is held. From who never gave it back
 * the job is taken over as by a run: what that process has in the making is cleared away, so that it cannot end it when it goes on.
 * @throws LeaseHeldError, and as `prune`
 */
export async function pruneJob(
  backup: Backup,
  job: Job,
  { waitMs, begin }: Pick<LeaseRequest, "waitMs"> & { readonly begin: () => void },
): Promise<PruneResult> {
  const before = await readLease(await backup.storage(job), job.name);
  return underLease(backup, job, { purpose: "prune", processBound: true, waitMs }, async (leased) => {
    begin();
    if (before !== undefined && before.document?.released !== true) await clearAway(leased, job);
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
