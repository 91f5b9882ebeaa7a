import { furtherBack } from "./further-back.ts";
import { snapshotTime } from "./keys.ts";
import type { Manifest, Verification } from "./manifest.ts";
import type { LastGood } from "./notify/report.ts";
import { isNarrowed, pastSnapshots, type SnapshotEntry } from "./snapshots.ts";
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

/** As it is looked for, from the newest on. */
interface Found {
  current?: SnapshotEntry;
  good?: SnapshotEntry;
  before?: Manifest;
  provedAt?: Date;
  /** Ids: of the oldest that is not good since the last good one, and of the oldest at all. */
  bad?: string;
  first?: string;
}

/** Manifests can be large: of what lies further back, only those are read in which something that was not found may be. */
const LOOK_BACK = 100;

/** Good is what is `ok`, verified and of the whole job: a partial or a narrowed snapshot never counts as one. */
export const isGood = (entry: SnapshotEntry): boolean =>
  entry.verified && entry.manifest?.status === "ok" && !isNarrowed(entry);

/**
 * When the last of its artifacts was proved; undefined where one was not. A sealed one is not proved, and `orSealed` counts
 * it all the same, for who asks whether everything was done that can be done without a private key.
 */
export function provedWhen(
  { verification, verified }: Pick<SnapshotEntry, "verification" | "verified">,
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
  const found: Found = {};
  const isFound = () => found.before !== undefined && (found.provedAt !== undefined || !options.proof);
  let looked = 0;
  for await (const entry of pastSnapshots(storage, job, options.now)) {
    see(found, entry, options.snapshot);
    looked += 1;
    if (isFound() || looked === LOOK_BACK) break;
  }
  if (found.first !== undefined && looked === LOOK_BACK && !isFound()) {
    const isWanted = (verification: Verification) =>
      found.before === undefined || provedWhen({ verification, verified: true }) !== undefined;
    for await (const { snapshot, entry } of furtherBack(storage, job, found.first, isWanted)) {
      if (entry !== undefined) see(found, entry, options.snapshot);
      else if (found.good === undefined) found.bad = snapshot;
      found.first = snapshot;
      if (isFound()) break;
    }
  }
  const { current, good, before, provedAt } = found;
  const [badSince, firstRun] = [found.bad, found.first].map((id) => (id === undefined ? undefined : snapshotTime(id)));
  return {
    ...(current === undefined ? {} : { current }),
    ...(before === undefined ? {} : { before }),
    ...(provedAt === undefined ? {} : { provedAt }),
    ...(badSince === undefined ? {} : { badSince }),
    ...(firstRun === undefined ? {} : { firstRun }),
    lastGood: good === undefined ? "none" : lastGood(good.snapshot, options.now),
  };
}

function see(found: Found, entry: SnapshotEntry, asked: string | undefined): void {
  const { snapshot, manifest } = entry;
  found.first = snapshot;
  if (snapshot === asked) found.current = entry;
  if (isGood(entry)) {
    found.good ??= entry;
    if (snapshot !== asked && manifest !== undefined) found.before ??= manifest;
  } else if (found.good === undefined && !(isNarrowed(entry) && manifest?.status === "ok")) found.bad = snapshot;
  const provedAt = isNarrowed(entry) ? undefined : provedWhen(entry);
  if (provedAt !== undefined) found.provedAt ??= provedAt;
}

export function lastGood(snapshot: string, now: Date): LastGood {
  const time = snapshotTime(snapshot) ?? now;
  return { snapshot, at: time.toISOString(), ageMs: Math.max(0, now.getTime() - time.getTime()) };
}
