import type { Job } from "./config/schema.ts";
import { furtherBack } from "./further-back.ts";
import { isGood, provedWhen } from "./job-history.ts";
import type { Manifest, Verification } from "./manifest.ts";
import { readEntry, type SnapshotEntry } from "./snapshot-entry.ts";
import { pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** Where a job stands by its snapshots, for metrics. */
export interface JobStanding {
  readonly newest?: SnapshotEntry;
  /** The newest run of which everything was stored, verified or not; among those further back only the verified ones count. */
  readonly success?: Pick<Manifest, "finishedAt">;
  /** Which one that is. */
  readonly successIn?: string;
  /** Ids of the newest good snapshot, and of the newest good one of which all was proved that can be without a private key. */
  readonly good?: string;
  readonly proved?: string;
  /** When everything of the newest snapshot that was proved as a whole was proved. */
  readonly provedAt?: Date;
  /** Which one that is, where it was looked at. */
  readonly provedIn?: string;
  /** The oldest that was looked at: the first one, unless all that is asked for was found before it. */
  readonly first?: string;
}

/** When the newest of the snapshots up to one of them that was proved as a whole was proved; null where none was. */
export interface ProofUpTo {
  readonly upTo: string;
  readonly at: string | null;
  /** Which one that is; absent where an earlier version has written it. */
  readonly snapshot?: string | undefined;
}

/** What a look has found, for the next one by the same process. */
export interface StandingMemory extends Pick<JobStanding, "successIn" | "good" | "proved" | "provedIn" | "first"> {
  readonly upTo: string;
  readonly lookedAt: Date;
}

export interface StandingOptions {
  readonly now: Date;
  /** What an earlier look has found. */
  readonly proof: ProofUpTo | undefined;
  /** Without an earlier look: whether to look for the last proof through all there is. */
  readonly searchesProof: boolean;
  /** For who looks again and again, under one configuration: another one may have the job elsewhere, or prove. */
  readonly memory?: Map<string, StandingMemory>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** So many are looked at as they are now; what lies further back, only for what was not found among them. */
const LOOK_BACK = 30;
/** So long nothing is looked for further back again: what is verified by hand there shows within the hour. */
const REMEMBERED_MS = 3_600_000;

/** Reads a job's snapshots from the newest on, as far as it has to. @throws StorageError | TransientError */
export async function jobStanding(
  storage: Storage,
  { name, verify }: Pick<Job, "name" | "verify">,
  { now, proof, searchesProof, memory }: StandingOptions,
): Promise<JobStanding> {
  const standing: Mutable<JobStanding> = {};
  let looked = 0;
  for await (const entry of pastSnapshots(storage, name, now)) {
    standing.newest ??= entry;
    see(standing, entry);
    looked += 1;
    if ((standing.proved !== undefined && standing.provedAt !== undefined) || looked === LOOK_BACK) break;
  }
  const { first, newest } = standing;
  if (first === undefined || newest === undefined || looked < LOOK_BACK) return standing;
  const isKnown = proof !== undefined && first <= proof.upTo && (await isStillProved(storage, name, proof));
  if (isKnown && proof.at !== null) standing.provedAt ??= new Date(proof.at);
  const wants = () => ({
    good: standing.good === undefined || (verify.prove !== false && standing.proved === undefined),
    proof: standing.provedAt === undefined && searchesProof && !isKnown,
  });
  const isWanted = (verification: Verification) =>
    standing.good === undefined || provedWhen({ verification, verified: true }, { orSealed: true }) !== undefined;
  if (!wants().good && !wants().proof) return standing;
  const known = memory?.get(name);
  if (known !== undefined && (await isRecalled(storage, name, known, { standing, now }))) return standing;
  for await (const { snapshot, entry } of furtherBack(storage, name, first, isWanted)) {
    standing.first = snapshot;
    if (entry !== undefined) see(standing, entry);
    if (!wants().good && !wants().proof) break;
  }
  memory?.set(name, { ...standing, upTo: newest.snapshot, lookedAt: now });
  return standing;
}

/** It may have been removed since, or found to be damaged. */
async function isStillProved(storage: Storage, job: string, { at, snapshot }: ProofUpTo): Promise<boolean> {
  if (at === null || snapshot === undefined) return true;
  const entry = await readEntry(storage, job, snapshot);
  return entry !== undefined && provedWhen(entry) !== undefined;
}

/** Puts into `standing` what was known and is so still; false where it is not, or not known. */
async function isRecalled(
  storage: Storage,
  job: string,
  { successIn, good, proved, provedIn, first, upTo, lookedAt }: StandingMemory,
  { standing, now }: { readonly standing: Mutable<JobStanding>; readonly now: Date },
): Promise<boolean> {
  const { first: seenDownTo = "" } = standing;
  if (seenDownTo > upTo || Math.abs(now.getTime() - lookedAt.getTime()) >= REMEMBERED_MS) return false;
  const ids = [...new Set([successIn, good, proved, provedIn])]
    .filter((id) => id !== undefined)
    .filter((id) => id < seenDownTo);
  for (const id of ids.sort().reverse()) {
    const entry = await readEntry(storage, job, id);
    if (entry !== undefined) see(standing, entry);
  }
  // Each where it was, or in a newer one.
  if ((good !== undefined && !standing.good) || (proved !== undefined && !standing.proved)) return false;
  if (provedIn !== undefined && standing.provedAt === undefined) return false;
  if (successIn !== undefined && standing.success === undefined) return false;
  if (first !== undefined && first < seenDownTo) standing.first = first;
  return true;
}

function see(standing: Mutable<JobStanding>, entry: SnapshotEntry): void {
  const { snapshot, manifest } = entry;
  standing.first = snapshot;
  if (manifest?.status === "ok" && standing.success === undefined) {
    standing.success = { finishedAt: manifest.finishedAt };
    standing.successIn = snapshot;
  }
  if (isGood(entry)) {
    standing.good ??= snapshot;
    if (provedWhen(entry, { orSealed: true }) !== undefined) standing.proved ??= snapshot;
  }
  const provedAt = provedWhen(entry);
  if (provedAt === undefined || standing.provedAt !== undefined) return;
  standing.provedAt = provedAt;
  standing.provedIn = snapshot;
}
