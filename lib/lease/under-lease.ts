import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { fencedStorage } from "../storage/fenced.ts";
import type { Storage } from "../storage/storage.ts";
import { acquireLease, type LeaseRequest } from "./acquire-lease.ts";
import type { HeldLease } from "./lease.ts";

/** A backup whose holder may change what is stored of one job. */
export interface LeasedBackup extends Backup {
  readonly lease: HeldLease;
}

/**
 * Works on a job while its lease is held. What `work` writes to the job's storage is refused once the lease is lost, and
 * its signal is then aborted.
 * @throws LeaseHeldError before anything is done; LeaseLostError; what `work` throws
 */
export async function underLease<T>(
  backup: Backup,
  job: Job,
  request: LeaseRequest,
  work: (leased: LeasedBackup) => Promise<T>,
): Promise<T> {
  const storage = await backup.storage(job);
  const lease = await acquireLease(storage, job.name, request, backup);
  try {
    return await work(leased(backup, job, storage, lease));
  } finally {
    await lease.release();
  }
}

/** For a step in a process of its own, with what `acquireLease` or `continueLease` gave. */
export function leased(backup: Backup, job: Job, storage: Storage, lease: HeldLease): LeasedBackup {
  const fenced = fencedStorage(storage, () => lease.check());
  return {
    ...backup,
    lease,
    signal: AbortSignal.any([backup.signal, lease.signal]),
    storage: async (other) => (other.name === job.name ? fenced : backup.storage(other)),
  };
}
