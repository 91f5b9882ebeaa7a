import type { Job } from "./config/schema.ts";
import { furtherBack } from "./further-back.ts";
import { isGood, provedWhen } from "./job-history.ts";
import type { Manifest, Verification } from "./manifest.ts";
import { pastSnapshots, type SnapshotEntry } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** Where a job stands by its snapshots, for metrics. */
export interface JobStanding {
  readonly newest?: SnapshotEntry;
  /** The newest run of which everything was stored, verified or not; among those further back only the verified ones count. */
  readonly success?: Pick<Manifest, "finishedAt">;
  /** Ids of the newest good snapshot, and of the newest good one of which all was proved that can be without a private key. */
  readonly good?: string;
  readonly proved?: string;
  /** When everything of the newest snapshot that was proved as a whole was proved. */
  readonly provedAt?: Date;
  /** The oldest that was looked at: the first one, unless all that is asked for was found before it. */
  readonly first?: string;
}

/** When the newest of the snapshots up to one of them that was proved as a whole was proved; null where none was. */
export interface ProofUpTo {
  readonly upTo: string;
  readonly at: string | null;
}

export interface StandingOptions {
  readonly now: Date;
  /** What an earlier look has found. */
  readonly proof: ProofUpTo | undefined;
  /** Without an earlier look: whether to look for the last proof through all there is. */
  readonly searchesProof: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** So many are looked at as they are now; what lies further back, only for what was not found among them. */
const LOOK_BACK = 30;

/** Reads a job's snapshots from the newest on, as far as it has to. @throws StorageError | TransientError */
export async function jobStanding(
  storage: Storage,
  { name, verify }: Pick<Job, "name" | "verify">,
  { now, proof, searchesProof }: StandingOptions,
): Promise<JobStanding> {
  const standing: Mutable<JobStanding> = {};
  let looked = 0;
  for await (const entry of pastSnapshots(storage, name, now)) {
    standing.newest ??= entry;
    see(standing, entry);
    looked += 1;
    if ((standing.proved !== undefined && standing.provedAt !== undefined) || looked === LOOK_BACK) break;
  }
  const { first } = standing;
  if (first === undefined || looked < LOOK_BACK) return standing;
  const isKnown = proof !== undefined && first <= proof.upTo;
  if (isKnown && proof.at !== null) standing.provedAt ??= new Date(proof.at);
  const wants = () => ({
    good: standing.good === undefined || (verify.prove !== false && standing.proved === undefined),
    proof: standing.provedAt === undefined && searchesProof && !isKnown,
  });
  const isWanted = (verification: Verification) =>
    standing.good === undefined || provedWhen({ verification, verified: true }, { orSealed: true }) !== undefined;
  if (!wants().good && !wants().proof) return standing;
  for await (const { snapshot, entry } of furtherBack(storage, name, first, isWanted)) {
    standing.first = snapshot;
    if (entry !== undefined) see(standing, entry);
    if (!wants().good && !wants().proof) break;
  }
  return standing;
}

function see(standing: Mutable<JobStanding>, entry: SnapshotEntry): void {
  const { snapshot, manifest } = entry;
  standing.first = snapshot;
  if (manifest?.status === "ok") standing.success ??= { finishedAt: manifest.finishedAt };
  if (isGood(entry)) {
    standing.good ??= snapshot;
    if (provedWhen(entry, { orSealed: true }) !== undefined) standing.proved ??= snapshot;
  }
  const provedAt = provedWhen(entry);
  if (provedAt !== undefined) standing.provedAt ??= provedAt;
}
