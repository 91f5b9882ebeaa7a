import { isUndone } from "./failed-proof.ts";
import type { Artifact, ArtifactVerification, FailedProof } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";

/** Which artifacts were found damaged, over several snapshots. */
export interface DamageSeen {
  /** To be told of snapshots from the newest on: of several readings of one artifact the newest snapshot's counts. */
  see(entry: SnapshotEntry): void;
  /** By what was seen so far. */
  has(artifact: Artifact): boolean;
}

/**
 * A reused artifact is the same file in every snapshot that names it (a hard link, or copied from it). Found damaged in
 * one, it must not be reused from another, nor make that one pass for good because it was whole when it was verified.
 * The same goes for one whose proof failed, which the right digest in a newer snapshot does not undo, but a later proof in any of them.
 */
export function damageSeen(): DamageSeen {
  // One entry for each distinct artifact, not for each snapshot's.
  const readings = new Map<string, "ok" | "failed">();
  const proofs = new Map<string, NonNullable<ArtifactVerification["proof"]>[]>();
  const failures = new Map<string, FailedProof[]>();
  const keyOf = ({ path, sha256 }: Artifact) => `${sha256} ${path}`;

  function seeProof(key: string, { proof, failedProof }: ArtifactVerification): void {
    const known = proofs.get(key) ?? [];
    if (failedProof !== undefined) failures.set(key, [...(failures.get(key) ?? []), failedProof]);
    if (proof === null || proof.level === "sealed" || known.some(({ at }) => at === proof.at)) return;
    proofs.set(key, [...known, proof]);
  }

  const isUnproved = (key: string): boolean =>
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
    has: (artifact) => readings.get(keyOf(artifact)) === "failed" || isUnproved(keyOf(artifact)),
  };
}
