import { isUndone } from "./failed-proof.ts";
import type { Artifact, ArtifactVerification, FailedProof } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";

/** Which artifacts were found damaged, over several snapshots. */
export interface DamageSeen {
  /** To be told of snapshots from the newest on: of several readings of one artifact the newest snapshot's counts. */
  see(entry: SnapshotEntry): void;
  /** By what was seen so far. */
  has(artifact: Artifact): boolean;
  /**
   * Whether any of the snapshot that was seen last is damaged, to be asked when all are seen: proofs in older ones count too. Its digests
   * are judged by what was seen so far, as older copies may be others. Holds the entry no longer.
   */
  judge(entry: SnapshotEntry): () => boolean;
}

/**
 * A reused artifact is the same file in every snapshot that names it (a hard link, or copied from it). Found damaged in
 * one, it must not be reused from another, nor make that one pass for good because it was whole when it was verified.
 * The same goes for one whose proof failed, which the right digest in a newer snapshot does not undo, but a later proof in any of them.
 */
export function damageSeen(): DamageSeen {
  // One entry for each distinct artifact, not for each snapshot's.
  const keys = new Map<string, number>();
  const readings = new Map<number, "ok" | "failed">();
  const proofs = new Map<number, NonNullable<ArtifactVerification["proof"]>[]>();
  const failures = new Map<number, FailedProof[]>();

  function keyOf({ path, sha256 }: Artifact): number {
    const text = `${sha256} ${path}`;
    const key = keys.get(text) ?? keys.size;
    keys.set(text, key);
    return key;
  }

  function seeProof(key: number, { proof, failedProof }: ArtifactVerification): void {
    const known = proofs.get(key) ?? [];
    if (failedProof !== undefined) failures.set(key, [...(failures.get(key) ?? []), failedProof]);
    if (proof === null || proof.level === "sealed" || known.some(({ at }) => at === proof.at)) return;
    proofs.set(key, [...known, proof]);
  }

  const isMisread = (key: number): boolean => readings.get(key) === "failed";
  const isUnproved = (key: number): boolean =>
    (failures.get(key) ?? []).some((failed) => !(proofs.get(key) ?? []).some((one) => isUndone(failed, one)));

  return {
    see({ manifest, verification }) {
      const results = new Map(verification?.artifacts.map((one) => [one.path, one]));
      for (const artifact of manifest?.units.flatMap((unit) => unit.artifacts) ?? []) {
        const result = results.get(artifact.path);
        if (result === undefined) continue;
        const key = keyOf(artifact);
        seeProof(key, result);
        if (result.checksum === "inherited" || readings.has(key)) continue;
        readings.set(key, result.checksum);
      }
    },
    has: (artifact) => isMisread(keyOf(artifact)) || isUnproved(keyOf(artifact)),
    judge({ manifest }) {
      const own = Uint32Array.from(manifest?.units.flatMap((unit) => unit.artifacts) ?? [], keyOf);
      return own.some(isMisread) ? () => true : () => own.some(isUnproved);
    },
  };
}
