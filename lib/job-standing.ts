import { isGood, provedWhen } from "./job-history.ts";
import type { Manifest } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** Where a job stands by its snapshots, for metrics. */
export interface JobStanding {
  readonly newest?: SnapshotEntry;
  /** The newest run of which everything was stored, verified or not. */
  readonly success?: Pick<Manifest, "finishedAt">;
  /** Ids of the newest good snapshot, and of the newest good one of which all was proved that can be without a private key. */
  readonly good?: string;
  readonly proved?: string;
  /** When everything of the newest snapshot that was proved as a whole was proved. */
  readonly provedAt?: Date;
  /** The oldest that was looked at: the first one, unless something good was found before it. */
  readonly first?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Manifests can be large: what lies further back is not looked at. */
const LOOK_BACK = 30;

/** Reads a job's snapshots from the newest on, as far as it has to. @throws StorageError | TransientError */
export async function jobStanding(storage: Storage, job: string, now: Date): Promise<JobStanding> {
  const standing: Mutable<JobStanding> = {};
  let looked = 0;
  for await (const entry of pastSnapshots(storage, job, now)) {
    const { snapshot, manifest } = entry;
    standing.newest ??= entry;
    standing.first = snapshot;
    if (manifest?.status === "ok") standing.success ??= { finishedAt: manifest.finishedAt };
    if (isGood(entry)) {
      standing.good ??= snapshot;
      if (provedWhen(entry, { orSealed: true }) !== undefined) standing.proved ??= snapshot;
    }
    const provedAt = provedWhen(entry);
    if (provedAt !== undefined) standing.provedAt ??= provedAt;
    looked += 1;
    if ((standing.proved !== undefined && standing.provedAt !== undefined) || looked === LOOK_BACK) break;
  }
  return standing;
}
