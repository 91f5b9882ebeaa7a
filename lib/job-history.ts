import { snapshotTime } from "./keys.ts";
import type { Manifest } from "./manifest.ts";
import type { LastGood } from "./notify/report.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { isNarrowed, pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** What a job's snapshots say of its past. */
export interface JobHistory {
  /** The one that was asked about. */
  readonly current?: SnapshotEntry;
  readonly lastGood: LastGood;
  /** The last good one before the current one. */
  readonly before?: Manifest;
  /** When everything of the newest snapshot that was proved as a whole was proved. */
  readonly provedAt?: Date;
  /** The first of the snapshots since the last good one that are not good. */
  readonly badSince?: Date;
  readonly firstRun?: Date;
}

/** Manifests can be large: what lies further back is not looked at. */
const LOOK_BACK = 100;

/** Good is what is `ok`, verified and of the whole job: a partial or a narrowed snapshot never counts as one. */
export const isGood = (entry: SnapshotEntry): boolean =>
  entry.verified && entry.manifest?.status === "ok" && !isNarrowed(entry);

/**
 * When the last of its artifacts was proved; undefined where one was not. A sealed one is not proved, and `orSealed` counts
 * it all the same, for who asks whether everything was done that can be done without a private key.
 */
export function provedWhen(
  { verification, verified }: SnapshotEntry,
  { orSealed = false }: { readonly orSealed?: boolean } = {},
): Date | undefined {
  const proofs = verified ? (verification?.artifacts ?? []).map(({ proof }) => proof) : [];
  const times = proofs.map((proof) =>
    proof === null || (proof.level === "sealed" && !orSealed) ? Number.NaN : Date.parse(proof.at),
  );
  const oldest = Math.min(...times);
  return proofs.length === 0 || Number.isNaN(oldest) ? undefined : new Date(oldest);
}

/**
 * Reads a job's snapshots from the newest on, as far as it has to. `proof`: whether to look for the last proof too.
 * @throws StorageError | TransientError
 */
export async function jobHistory(
  storage: Storage,
  job: string,
  options: { readonly snapshot?: string | undefined; readonly proof: boolean; readonly now: Date },
): Promise<JobHistory> {
  let current: SnapshotEntry | undefined;
  let good: SnapshotEntry | undefined;
  let before: Manifest | undefined;
  let provedAt: Date | undefined;
  let badSince: Date | undefined;
  let firstRun: Date | undefined;
  let looked = 0;
  for await (const entry of pastSnapshots(storage, job, options.now)) {
    firstRun = snapshotTime(entry.snapshot);
    if (entry.snapshot === options.snapshot) current = entry;
    if (isGood(entry)) {
      good ??= entry;
      if (entry.snapshot !== options.snapshot) before ??= entry.manifest;
    } else if (good === undefined && !(isNarrowed(entry) && entry.manifest?.status === "ok")) badSince = firstRun;
    if (!isNarrowed(entry)) provedAt ??= provedWhen(entry);
    looked += 1;
    if (before !== undefined && (provedAt !== undefined || !options.proof)) break;
    if (looked === LOOK_BACK) break;
  }
  return {
    ...(current === undefined ? {} : { current }),
    ...(before === undefined ? {} : { before }),
    ...(provedAt === undefined ? {} : { provedAt }),
    ...(badSince === undefined ? {} : { badSince }),
    ...(firstRun === undefined ? {} : { firstRun }),
    lastGood: good === undefined ? "none" : lastGood(good.snapshot, options.now),
  };
}

export function lastGood(snapshot: string, now: Date): LastGood {
  const time = snapshotTime(snapshot) ?? now;
  return { snapshot, at: time.toISOString(), ageMs: Math.max(0, now.getTime() - time.getTime()) };
}
