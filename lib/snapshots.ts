import { NotFoundError } from "./errors.ts";
import { jobPrefix, manifestKey, snapshotOfFolders, snapshotTime, verifiedKey } from "./keys.ts";
import { mapAhead } from "./pool.ts";
import { readEntry, type SnapshotEntry } from "./snapshot-entry.ts";
import type { Storage } from "./storage/storage.ts";

const NEAREST = 3;
const READ_AT_ONCE = 4;
/** A job of more has manifests so large that one at a time is held. */
const MANY_ARTIFACTS = 1_000;
/** Clocks of two machines differ, and an id may be some seconds ahead when another run had its second: so far S3 itself bears it. */
export const AHEAD_MS = 15 * 60_000;

/** Dated after now, by a clock that was ahead: until then it is neither the newest of its job nor the one before another. */
export const isAhead = (snapshot: string, now: Date): boolean =>
  (snapshotTime(snapshot)?.getTime() ?? 0) > now.getTime() + AHEAD_MS;

/** The job's snapshots, one at a time, so that no more than one manifest is held. Folders that are not ours are passed over. */
export async function* listSnapshots(storage: Storage, job: string): AsyncIterable<SnapshotEntry> {
  yield* existing(storage, job, await snapshotFolders(storage, job));
}

/** The same from the newest on, which lists and loads only what the caller gets to. */
export async function* snapshotsNewestFirst(storage: Storage, job: string): AsyncIterable<SnapshotEntry> {
  for await (const { entry } of runsNewestFirst(storage, job)) if (entry !== undefined) yield entry;
}

/** The same without those that are dated after now. */
export async function* pastSnapshots(storage: Storage, job: string, now: Date): AsyncIterable<SnapshotEntry> {
  for await (const snapshot of foldersNewestFirst(storage, job)) {
    if (!isAhead(snapshot, now)) yield* existing(storage, job, [snapshot]);
  }
}

/** What a run left under its id: without an `entry` where it has no manifest, yet or any more. */
interface RunFolder {
  readonly snapshot: string;
  readonly entry: SnapshotEntry | undefined;
}

/**
 * Those with a manifest and those without, from the newest on; it lists and loads only what the caller gets to. `ahead`: how many more the
 * caller will get to in any case. A few of them are loaded at once: from a storage that is far away, one after the other takes longer than anybody waits.
 */
export async function* runsNewestFirst(
  storage: Storage,
  job: string,
  ahead: () => number = oneByOne,
): AsyncIterable<RunFolder> {
  let artifacts = Number.POSITIVE_INFINITY;
  const atOnce = () => (artifacts <= MANY_ARTIFACTS ? Math.min(READ_AT_ONCE, ahead()) : 1);
  // Behind those that are loaded: no day is listed that the caller does not get to.
  const daysAtOnce = () => Math.min(atOnce(), ahead() - READ_AT_ONCE);
  yield* mapAhead(foldersNewestFirst(storage, job, undefined, daysAtOnce), atOnce, async (snapshot) => {
    const entry = await readEntry(storage, job, snapshot);
    artifacts = entry?.manifest?.totals.artifacts ?? artifacts;
    return { snapshot, entry };
  });
}

export async function newestSnapshot(storage: Storage, job: string): Promise<SnapshotEntry | undefined> {
  for await (const entry of snapshotsNewestFirst(storage, job)) return entry;
  return undefined;
}

/** The one made next, of which the manifest says what it followed. */
export async function snapshotAfter(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<SnapshotEntry | undefined> {
  const later = (await snapshotFolders(storage, job)).filter((one) => one > snapshot);
  for await (const entry of existing(storage, job, later)) return entry;
  return undefined;
}

/** The one that was made before, and the last one before that was not narrowed to some units: mostly the same. */
export async function snapshotsBefore(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<{ readonly last?: SnapshotEntry; readonly lastWhole?: SnapshotEntry }> {
  let last: SnapshotEntry | undefined;
  for await (const entry of existing(storage, job, foldersNewestFirst(storage, job, snapshot))) {
    last ??= entry;
    if (!isNarrowed(entry)) return { last, lastWhole: entry };
  }
  return last === undefined ? {} : { last };
}

/** Made by a run for some units of its job: it says nothing of the others. */
export const isNarrowed = ({ manifest }: SnapshotEntry): boolean => manifest?.only !== undefined;

/**
 * What `latest` means to who wants something back: the newest that was to hold `unit`, or all of the job where none is named.
 * @throws NotFoundError
 */
export async function findRestorable(
  storage: Storage,
  job: string,
  { snapshot = "latest", unit }: { readonly snapshot?: string | undefined; readonly unit?: string | undefined },
  now: Date,
): Promise<SnapshotEntry> {
  if (snapshot !== "latest") return findSnapshot(storage, job, snapshot);
  let narrowed: string | undefined;
  for await (const entry of latestFirst(storage, job, now)) {
    if (!isNarrowed(entry) || entry.manifest?.units.some(({ id }) => id === unit)) return entry;
    narrowed ??= entry.snapshot;
  }
  if (narrowed === undefined) throw new NotFoundError(`job ${job} has no snapshot yet`);
  throw new NotFoundError(
    `job ${job} has no whole snapshot, only ones of runs that were narrowed to some units: name one, such as ${narrowed}`,
  );
}

/** By its id, or `latest`, narrowed ones among them. @throws NotFoundError */
export async function findChosen(storage: Storage, job: string, wanted: string, now: Date): Promise<SnapshotEntry> {
  if (wanted !== "latest") return findSnapshot(storage, job, wanted);
  for await (const newest of latestFirst(storage, job, now)) return newest;
  throw new NotFoundError(`job ${job} has no snapshot yet`);
}

/** By its id. @throws NotFoundError that names the snapshots nearest in time */
export async function findSnapshot(storage: Storage, job: string, wanted: string): Promise<SnapshotEntry> {
  const entry = snapshotTime(wanted) === undefined ? undefined : await readEntry(storage, job, wanted);
  if (entry !== undefined) return entry;
  const nearest = await nearestTo(storage, job, wanted);
  const what = snapshotTime(wanted) === undefined ? `; an id looks like 2026-11-22T030000Z` : "";
  const known = nearest.length === 0 ? "it has none yet" : `the nearest are ${nearest.join(", ")}`;
  throw new NotFoundError(`job ${job} has no snapshot ${wanted}${what}; ${known}`);
}

/** Ids of folders without a manifest: runs that are under way or were ended, oldest first. */
export async function* unfinishedRuns(storage: Storage, job: string): AsyncIterable<string> {
  for (const snapshot of await snapshotFolders(storage, job)) {
    if ((await storage.head(manifestKey(job, snapshot))) === undefined) yield snapshot;
  }
}

/**
 * Those of them that are newer than every snapshot up to now, newest first, and last those that are dated after now. One
 * whose manifest was lost counts as a snapshot.
 */
export async function* unfinishedSinceLast(storage: Storage, job: string, now: Date): AsyncIterable<string> {
  const ahead: string[] = [];
  for await (const snapshot of foldersNewestFirst(storage, job)) {
    // Mostly one question: what was verified has its manifest still.
    const isUnfinished = !(await isAnyThere(storage, [manifestKey(job, snapshot), verifiedKey(job, snapshot)]));
    if (isAhead(snapshot, now)) {
      if (isUnfinished) ahead.push(snapshot);
    } else if (isUnfinished) yield snapshot;
    else break;
  }
  yield* ahead;
}

/** Asked one after the other, up to the first that is there. @throws StorageError | TransientError */
export async function isAnyThere(storage: Storage, keys: readonly string[]): Promise<boolean> {
  for (const key of keys) if ((await storage.head(key)) !== undefined) return true;
  return false;
}

/**
 * Ids that have a folder, whatever lies in it, newest first: when runs were begun. Only those of before `before`, where that is given.
 * A day is listed when the caller gets to it, so the first id costs two questions or so.
 */
export async function* foldersNewestFirst(
  storage: Storage,
  job: string,
  before?: string,
  atOnce: () => number = oneByOne,
): AsyncIterable<string> {
  const days = await Array.fromAsync(storage.folders(jobPrefix(job), { orEmpty: true }));
  const wanted = days.filter((day) => {
    // The first second of the day stands for any: what is no day is not looked into.
    const first = snapshotOfFolders(day, "000000Z");
    return first !== undefined && (before === undefined || first < before);
  });
  const listed = mapAhead(wanted.sort().reverse(), atOnce, async (day) => {
    const times = await Array.fromAsync(storage.folders(`${jobPrefix(job)}${day}/`));
    return times.map((time) => snapshotOfFolders(day, time)).filter((one) => one !== undefined);
  });
  for await (const snapshots of listed) {
    yield* snapshots
      .filter((one) => before === undefined || one < before)
      .sort()
      .reverse();
  }
}

const oneByOne = (): number => 1;

/** Every id that has a folder, oldest first: ids of one form sort by time. */
async function snapshotFolders(storage: Storage, job: string): Promise<string[]> {
  return (await Array.fromAsync(foldersNewestFirst(storage, job))).reverse();
}

/** Where all are dated after now, it is our own clock that is wrong. */
async function* latestFirst(storage: Storage, job: string, now: Date): AsyncIterable<SnapshotEntry> {
  const ahead: string[] = [];
  for await (const snapshot of foldersNewestFirst(storage, job)) {
    if (isAhead(snapshot, now)) ahead.push(snapshot);
    else yield* existing(storage, job, [snapshot]);
  }
  yield* existing(storage, job, ahead);
}

async function* existing(
  storage: Storage,
  job: string,
  snapshots: Iterable<string> | AsyncIterable<string>,
): AsyncIterable<SnapshotEntry> {
  for await (const snapshot of snapshots) {
    const entry = await readEntry(storage, job, snapshot);
    if (entry !== undefined) yield entry;
  }
}

async function nearestTo(storage: Storage, job: string, wanted: string): Promise<string[]> {
  const snapshots = (await snapshotFolders(storage, job)).reverse();
  const wantedTime = snapshotTime(wanted)?.getTime();
  if (wantedTime !== undefined) {
    const distance = (snapshot: string) => Math.abs((snapshotTime(snapshot)?.getTime() ?? 0) - wantedTime);
    snapshots.sort((a, b) => distance(a) - distance(b));
  }
  const nearest: string[] = [];
  for (const snapshot of snapshots) {
    if (nearest.length === NEAREST) break;
    if ((await storage.head(manifestKey(job, snapshot))) !== undefined) nearest.push(snapshot);
  }
  return nearest.sort();
}
