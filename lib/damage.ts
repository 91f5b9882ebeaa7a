import type { Artifact } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshots.ts";

/** Which artifacts were found damaged, over several snapshots. */
export interface DamageSeen {
  /** To be told of snapshots from the newest on: of several readings of one artifact the newest snapshot's counts. */
  see(entry: SnapshotEntry): void;
  has(artifact: Artifact): boolean;
}

/**
 * A reused artifact is the same file in every snapshot that names it (a hard link, or copied from it). Found damaged in
 * one, it must not be reused from another, nor make that one pass for good because it was whole when it was verified.
 */
export function damageSeen(): DamageSeen {
  // One entry for each distinct artifact, not for each snapshot's.
  const readings = new Map<string, "ok" | "failed">();
  const keyOf = ({ path, sha256 }: Artifact) => `${sha256} ${path}`;
  return {
    see({ manifest, verification }) {
      const results = new Map(verification?.artifacts.map(({ path, checksum }) => [path, checksum]));
      for (const artifact of manifest?.units.flatMap((unit) => unit.artifacts) ?? []) {
        const result = results.get(artifact.path);
        if (result === undefined || result === "inherited" || readings.has(keyOf(artifact))) continue;
        readings.set(keyOf(artifact), result);
      }
    },
    has: (artifact) => readings.get(keyOf(artifact)) === "failed",
  };
}
