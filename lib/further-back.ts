import { CodedError } from "./errors.ts";
import type { Verification } from "./manifest.ts";
import { mapAhead } from "./pool.ts";
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
  const atOnce = () => READ_AT_ONCE;
  const folders = foldersNewestFirst(storage, job, before, atOnce);
  const looked = mapAhead(folders, atOnce, async (snapshot) => ({
    snapshot,
    verification: await readVerification(storage, job, snapshot),
  }));
  for await (const { snapshot, verification } of looked) {
    const isRead = verification !== undefined && !(verification instanceof CodedError);
    const isCandidate = isRead && verification.ok && isWanted(verification);
    const entry = isCandidate ? await readEntry(storage, job, snapshot) : undefined;
    yield entry === undefined ? { snapshot } : { snapshot, entry };
  }
}
