import { CodedError } from "./errors.ts";
import type { Verification } from "./manifest.ts";
import { readEntry, readVerification, type SnapshotEntry } from "./snapshot-entry.ts";
import { foldersNewestFirst } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** A run that left a folder; with an `entry` where it was verified, said that it is well, and is wanted. */
export interface FurtherBack {
  readonly snapshot: string;
  readonly entry?: SnapshotEntry;
}

/** They can be large. */
const READ_AT_ONCE = 4;

/**
 * The runs older than `before`, newest first, for who looks for something good that may be thousands of runs back: of each
 * only verified.json is asked for, and the manifest where that says that all is well and `isWanted`.
 * @throws StorageError | TransientError
 */
export async function* furtherBack(
  storage: Storage,
  job: string,
  before: string,
  isWanted: (verification: Verification) => boolean,
): AsyncIterable<FurtherBack> {
  let waiting: string[] = [];
  for await (const snapshot of foldersNewestFirst(storage, job, before)) {
    waiting.push(snapshot);
    if (waiting.length < READ_AT_ONCE) continue;
    yield* looked(waiting);
    waiting = [];
  }
  yield* looked(waiting);

  async function* looked(snapshots: readonly string[]): AsyncIterable<FurtherBack> {
    const found = await Promise.all(snapshots.map((snapshot) => readVerification(storage, job, snapshot)));
    for (const [n, snapshot] of snapshots.entries()) {
      const verification = found[n];
      const isRead = verification !== undefined && !(verification instanceof CodedError);
      const isCandidate = isRead && verification.ok && isWanted(verification);
      const entry = isCandidate ? await readEntry(storage, job, snapshot) : undefined;
      yield entry === undefined ? { snapshot } : { snapshot, entry };
    }
  }
}
