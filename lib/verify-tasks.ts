import { basename } from "node:path/posix";
import type { Job } from "./config/schema.ts";
import { NotFoundError } from "./errors.ts";
import { withFailedProof } from "./failed-proof.ts";
import type { Artifact, ArtifactVerification, ManifestUnit } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { findSnapshot } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * `policy`: what the job's `verify` says, as after a run. `checksum`: every stored byte is read and compared.
 * `prove`: every artifact is restored into nothing as well; `full` compares every entry.
 */
export type VerifyMode = "policy" | "checksum" | "prove" | "full";

export interface ArtifactTask {
  readonly artifact: Artifact;
  /** All of its unit. */
  readonly unit: readonly Artifact[];
  readonly read: "no" | "checksum" | "prove" | "full";
  /** What an earlier verification found of the same bytes, also that a proof of them failed. */
  readonly inherited: ArtifactVerification | undefined;
}

/**
 * What is to be done for each artifact. After a run (`policy`) everything new is read and proved. Of what was reused,
 * a share (`verify.checksum`) is read again each time, what was read longest ago first: so with 10 % every stored byte
 * is read again within ten runs. What was never proved is proved; what is sealed cannot be, and is settled with that.
 * A copy that the storage did not confirm is new, whatever is known of its source.
 */
export async function verifyTasks(
  storage: Storage,
  job: Job,
  entry: SnapshotEntry,
  mode: VerifyMode,
  isSealed: (artifact: Artifact) => boolean,
): Promise<ArtifactTask[]> {
  const units = entry.manifest?.units ?? [];
  const known = await inheritedOf(storage, entry, units);
  const all = units.flatMap((unit) =>
    unit.artifacts.map((artifact) => ({ artifact, unit: unit.artifacts, inherited: known(unit, artifact) })),
  );
  if (mode !== "policy") return all.map((task) => ({ ...task, read: mode }));
  const { prove } = job.verify;
  const whenNew = prove === "full" ? "full" : prove ? "prove" : "checksum";
  const readHere = new Set(trusted(entry).map(({ path }) => path));
  const settled = all.filter(
    ({ inherited, artifact }) =>
      (artifact.unconfirmedCopy === undefined || readHere.has(artifact.path)) &&
      isSettled(inherited, whenNew, isSealed(artifact)),
  );
  const due = new Set(longestUnread(settled, job.verify.checksum).map(({ artifact }) => artifact.path));
  const settledPaths = new Set(settled.map(({ artifact }) => artifact.path));
  return all.map((task) => {
    const path = task.artifact.path;
    return { ...task, read: !settledPaths.has(path) ? whenNew : due.has(path) ? "checksum" : "no" };
  });
}

function isSettled(
  inherited: ArtifactVerification | undefined,
  wanted: "full" | "prove" | "checksum",
  isSealed: boolean,
): boolean {
  if (inherited === undefined || inherited.error !== undefined) return false;
  if (wanted === "checksum") return true;
  if (inherited.proof === null || isSealed) return inherited.proof !== null;
  return inherited.proof.level !== "sealed" && (wanted === "prove" || inherited.proof.level === "full");
}

function longestUnread<T extends { artifact: Artifact; inherited: ArtifactVerification | undefined }>(
  settled: readonly T[],
  share: number,
): readonly T[] {
  const when = (task: T) => `${task.inherited?.checkedAt} ${task.artifact.path}`;
  const oldestFirst = [...settled].sort((a, b) => (when(a) < when(b) ? -1 : 1));
  return oldestFirst.slice(0, Math.ceil(settled.length * share));
}

/**
 * From this snapshot's own last verification; for a reused artifact that has none, from the snapshot that it comes
 * from: same path, same digest, same bytes. That a proof failed is inherited from either.
 */
async function inheritedOf(storage: Storage, entry: SnapshotEntry, units: readonly ManifestUnit[]) {
  const own = new Map(trusted(entry).map((one) => [one.path, one]));
  const bySnapshot = new Map<string, ReadonlyMap<string, ArtifactVerification>>();
  const origins = units.flatMap((unit) => unit.artifacts.map((artifact) => originOf(unit, artifact)));
  for (const from of new Set(origins)) {
    if (from === undefined) continue;
    bySnapshot.set(from, await verifiedArtifacts(storage, entry.job, from));
  }
  return (unit: ManifestUnit, artifact: Artifact) => {
    const origin = bySnapshot.get(originOf(unit, artifact) ?? "")?.get(keyOf(artifact));
    const known = own.get(artifact.path) ?? renamed(origin, artifact);
    return known === undefined ? undefined : withFailedProof(known, origin?.failedProof);
  };
}

/** Of a snapshot that did not verify only what went wrong is known. */
const trusted = ({ verified, verification }: SnapshotEntry): readonly ArtifactVerification[] =>
  (verification?.artifacts ?? []).filter(({ failedProof }) => verified || failedProof !== undefined);

const originOf = (unit: ManifestUnit, artifact: Artifact) => artifact.reusedFrom ?? unit.reusedFrom;

/** A unit that was renamed has its artifacts in another folder. */
const keyOf = ({ sha256, path }: Pick<Artifact, "sha256" | "path">) => `${sha256} ${basename(path)}`;

const renamed = (inherited: ArtifactVerification | undefined, { path }: Artifact) =>
  inherited === undefined ? undefined : { ...inherited, path };

async function verifiedArtifacts(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<ReadonlyMap<string, ArtifactVerification>> {
  try {
    const entry = await findSnapshot(storage, job, snapshot);
    const artifacts = entry.manifest?.units.flatMap((unit) => unit.artifacts) ?? [];
    const digests = new Map(artifacts.map(({ path, sha256 }) => [path, sha256]));
    return new Map(trusted(entry).map((one) => [keyOf({ sha256: digests.get(one.path) ?? "", path: one.path }), one]));
  } catch (error) {
    // Pruned since. What cannot be inherited is read.
    if (error instanceof NotFoundError) return new Map();
    throw error;
  }
}
