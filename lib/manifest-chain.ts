import { manifestKey, snapshotTime, verifiedKey } from "./keys.ts";
import { readRemovals } from "./removals.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { runsNewestFirst } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** A snapshot that was there once and that prune did not take away, or whose manifest is not what it was. */
export interface ChainFault {
  readonly snapshot: string;
  /** In a sentence. */
  readonly message: string;
}

interface FoundFolders {
  readonly unfinished: readonly string[];
  readonly isWhole: boolean;
}

/** How manifests follow each other: each names the one before it and its digest. */
export interface ManifestChain {
  /** To be told of a job's snapshots from the newest on. What is wrong with the manifest in its place, if anything. */
  see(entry: SnapshotEntry): string | undefined;
  /**
   * What is missing, oldest first. `unfinished`: the ids that had a folder and no manifest when they were looked at. `isWhole`: all of
   * the job's snapshots were seen, and not only the newest ones. To be asked last: what prune removes meanwhile is recorded before it goes.
   * @throws StorageError | TransientError
   */
  lost(storage: Storage, job: string, found: FoundFolders): Promise<readonly ChainFault[]>;
  /** Whether one of the manifests that were seen names it as the one before it. */
  isNamed(snapshot: string): boolean;
}

export function manifestChain(): ManifestChain {
  const followed = new Map<string, { readonly by: string; readonly manifestSha256: string }>();
  const seen = new Set<string>();
  let oldest: string | undefined;
  return {
    see(entry) {
      const { snapshot, manifest, manifestSha256 } = entry;
      seen.add(snapshot);
      oldest = snapshot;
      const follower = followed.get(snapshot);
      const previous = manifest?.previous;
      if (previous) followed.set(previous.snapshot, { by: snapshot, manifestSha256: previous.manifestSha256 });
      return (
        entry.fault?.message ?? placeFault(entry, follower?.manifestSha256 === manifestSha256 ? undefined : follower)
      );
    },
    async lost(storage, job, { unfinished, isWhole }) {
      const lost = new Map<string, { readonly message: string; readonly by?: string }>();
      for (const snapshot of unfinished) {
        if ((await storage.head(verifiedKey(job, snapshot))) === undefined || seen.has(snapshot)) continue;
        // A run may have ended since we looked.
        if ((await storage.head(manifestKey(job, snapshot))) !== undefined) continue;
        lost.set(snapshot, { message: `manifest.json of ${snapshot} is gone, though the snapshot was verified once` });
      }
      for (const [snapshot, { by }] of followed) {
        const isReached = isWhole || (oldest !== undefined && snapshot > oldest);
        if (seen.has(snapshot) || !isReached || lost.has(snapshot)) continue;
        const message = `manifest.json of ${snapshot} is gone, though ${by} followed it and prune did not remove it`;
        lost.set(snapshot, { message, by });
      }
      for (const snapshot of (await readRemovals(storage, job)).unnamed) {
        if (seen.has(snapshot) || lost.has(snapshot)) continue;
        // A run may have made it since we looked, or it lies further back than we did.
        if ((await storage.head(manifestKey(job, snapshot))) !== undefined) continue;
        lost.set(snapshot, { message: `snapshot ${snapshot} is gone, though a prune saw it and none removed it` });
      }
      if (lost.size === 0) return [];
      const { removed, since } = await readRemovals(storage, job);
      // What was followed before prune began to record, it may have removed.
      const isKnown = (by: string | undefined) =>
        by === undefined || (since !== undefined && (snapshotTime(by) ?? since) >= since);
      return [...lost]
        .filter(([snapshot, { by }]) => !removed.has(snapshot) && isKnown(by))
        .map(([snapshot, { message }]) => ({ snapshot, message }))
        .sort((a, b) => (a.snapshot < b.snapshot ? -1 : 1));
    },
    isNamed: (snapshot) => followed.has(snapshot),
  };
}

/** Of all of a job's snapshots, or of those that the newest `lookBack` ones followed. @throws StorageError | TransientError */
export async function lostSnapshots(storage: Storage, job: string, lookBack: number): Promise<readonly ChainFault[]> {
  const unfinished: string[] = [];
  const chain = manifestChain();
  let looked = 0;
  for await (const { snapshot, entry } of runsNewestFirst(storage, job)) {
    if (entry === undefined) {
      unfinished.push(snapshot);
      continue;
    }
    if (looked === lookBack) return chain.lost(storage, job, { unfinished, isWhole: false });
    chain.see(entry);
    looked += 1;
  }
  return chain.lost(storage, job, { unfinished, isWhole: true });
}

/** A manifest that was changed differs from what was verified, or from what its successor recorded of it. */
function placeFault(
  { snapshot, manifestSha256, verification }: SnapshotEntry,
  follower: { readonly by: string } | undefined,
): string | undefined {
  if (verification !== undefined && verification.manifestSha256 !== manifestSha256) {
    return `manifest.json of ${snapshot} is not the one that was verified before`;
  }
  if (follower === undefined) return undefined;
  return `manifest.json of ${snapshot} is not the one that snapshot ${follower.by} followed`;
}
