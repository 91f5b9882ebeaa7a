import { createHash } from "node:crypto";
import { readAll } from "./bytes.ts";
import { CodedError, type ErrorRecord, NotFoundError } from "./errors.ts";
import { jobPrefix, manifestKey, snapshotOfFolders, snapshotTime, sumsKey, verifiedKey } from "./keys.ts";
import { type Manifest, manifestSchema, parseDocument, type Verification, verificationSchema } from "./manifest.ts";
import type { Storage } from "./storage/storage.ts";
import { parseSums } from "./sums.ts";

/** What lies in the storage under one snapshot id. It exists because its manifest.json does, readable or not. */
export interface SnapshotEntry {
  readonly job: string;
  readonly snapshot: string;
  /** Absent for one that cannot be read or belongs to another place; then there is a `fault`. */
  readonly manifest?: Manifest;
  /** Of the bytes of manifest.json, whatever they say. */
  readonly manifestSha256: string;
  /** What verified.json says, of this manifest or of one that lay here before. */
  readonly verification?: Verification;
  /** True only without a fault, and when verified.json is of exactly this manifest and says ok. */
  readonly verified: boolean;
  /** What is wrong with the manifest. Such an entry is never good, and never left out. */
  readonly fault?: ErrorRecord;
  /** Why the storage lets nobody remove its manifest just now. */
  readonly lock?: string;
}

/** Documents are parsed as one string, and V8 holds none of more than about 512 MiB: no run can have written a longer one. */
const MAX_DOCUMENT_BYTES = 512 * 1024 * 1024;
const NEAREST = 3;
/** Clocks of two machines differ, and an id may be some seconds ahead when another run had its second: so far S3 itself bears it. */
export const AHEAD_MS = 15 * 60_000;

/** Dated after now, by a clock that was ahead: until then it is neither the newest of its job nor the one before another. */
export const isAhead = (snapshot: string, now: Date): boolean =>
  (snapshotTime(snapshot)?.getTime() ?? 0) > now.getTime() + AHEAD_MS;

/** The job's snapshots, one at a time, so that no more than one manifest is held. Folders that are not ours are passed over. */
export async function* listSnapshots(storage: Storage, job: string): AsyncIterable<SnapshotEntry> {
  yield* existing(storage, job, await snapshotFolders(storage, job));
}

/** The same from the newest on, which loads only what the caller gets to. */
export async function* snapshotsNewestFirst(storage: Storage, job: string): AsyncIterable<SnapshotEntry> {
  yield* existing(storage, job, (await snapshotFolders(storage, job)).reverse());
}

/** The same without those that are dated after now. */
export async function* pastSnapshots(storage: Storage, job: string, now: Date): AsyncIterable<SnapshotEntry> {
  const folders = (await snapshotFolders(storage, job)).filter((snapshot) => !isAhead(snapshot, now));
  yield* existing(storage, job, folders.reverse());
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
  const earlier = (await snapshotFolders(storage, job)).filter((one) => one < snapshot);
  let last: SnapshotEntry | undefined;
  for await (const entry of existing(storage, job, earlier.reverse())) {
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
  for (const snapshot of (await snapshotFolders(storage, job)).reverse()) {
    const isUnfinished = !(await hasDocument(storage, job, snapshot));
    if (isAhead(snapshot, now)) {
      if (isUnfinished) ahead.push(snapshot);
    } else if (isUnfinished) yield snapshot;
    else break;
  }
  yield* ahead;
}

/** Mostly one question: what was verified has its manifest still. */
async function hasDocument(storage: Storage, job: string, snapshot: string): Promise<boolean> {
  for (const key of [manifestKey(job, snapshot), verifiedKey(job, snapshot)])
    if ((await storage.head(key)) !== undefined) return true;
  return false;
}

/** Ids that have a folder, whatever lies in it, newest first: when runs were begun. The first costs two questions or so. */
export async function* foldersNewestFirst(storage: Storage, job: string): AsyncIterable<string> {
  const days = (await Array.fromAsync(storage.folders(jobPrefix(job)))).sort().reverse();
  for (const day of days) {
    if (snapshotOfFolders(day, "000000Z") === undefined) continue;
    const times = await Array.fromAsync(storage.folders(`${jobPrefix(job)}${day}/`));
    const snapshots = times.map((time) => snapshotOfFolders(day, time)).filter((one) => one !== undefined);
    yield* snapshots.sort().reverse();
  }
}

/** Every id that has a folder, oldest first: ids of one form sort by time. */
async function snapshotFolders(storage: Storage, job: string): Promise<string[]> {
  const snapshots: string[] = [];
  for await (const day of storage.folders(jobPrefix(job))) {
    // The first second of the day stands for any: what is no day is not looked into.
    if (snapshotOfFolders(day, "000000Z") === undefined) continue;
    for await (const time of storage.folders(`${jobPrefix(job)}${day}/`)) {
      const snapshot = snapshotOfFolders(day, time);
      if (snapshot !== undefined) snapshots.push(snapshot);
    }
  }
  return snapshots.sort();
}

/** Where all are dated after now, it is our own clock that is wrong. */
async function* latestFirst(storage: Storage, job: string, now: Date): AsyncIterable<SnapshotEntry> {
  const folders = (await snapshotFolders(storage, job)).reverse();
  const isLate = (snapshot: string) => isAhead(snapshot, now);
  yield* existing(storage, job, [...folders.filter((one) => !isLate(one)), ...folders.filter(isLate)]);
}

async function* existing(storage: Storage, job: string, snapshots: readonly string[]): AsyncIterable<SnapshotEntry> {
  for (const snapshot of snapshots) {
    const entry = await readEntry(storage, job, snapshot);
    if (entry !== undefined) yield entry;
  }
}

/** Undefined where there is no manifest. @throws StorageError | TransientError */
export async function readEntry(storage: Storage, job: string, snapshot: string): Promise<SnapshotEntry | undefined> {
  const key = manifestKey(job, snapshot);
  const found = await storage.head(key);
  if (found === undefined) return undefined;
  const bytes = await readDocument(storage, key);
  if (bytes === "absent") return undefined;
  if (bytes === "too long") return tooLong(job, snapshot);
  const manifestSha256 = createHash("sha256").update(bytes).digest("hex");
  const { manifest, fault } = parseManifest(job, snapshot, bytes);
  const wrong = fault ?? (await sumsFault(storage, job, snapshot, manifestSha256));
  const verification = await readVerification(storage, job, snapshot);
  return {
    job,
    snapshot,
    manifestSha256,
    ...(manifest === undefined ? {} : { manifest }),
    ...(verification === undefined ? {} : { verification }),
    ...(wrong === undefined ? {} : { fault: wrong }),
    ...(found.lock === undefined ? {} : { lock: found.lock }),
    verified: wrong === undefined && verification?.manifestSha256 === manifestSha256 && verification.ok,
  };
}

/** A storage that fails is thrown: of what could not be read, nothing is known. */
async function readDocument(storage: Storage, key: string): Promise<Uint8Array | "absent" | "too long"> {
  try {
    return await readAll(await storage.get(key), MAX_DOCUMENT_BYTES);
  } catch (error) {
    if (error instanceof NotFoundError) return "absent";
    if (error instanceof RangeError) return "too long";
    throw error;
  }
}

function tooLong(job: string, snapshot: string): SnapshotEntry {
  const fault = faultOf(
    `manifest.json of ${snapshot} is longer than the ${MAX_DOCUMENT_BYTES} bytes that one can have`,
  );
  return { job, snapshot, manifestSha256: "", verified: false, fault };
}

function parseManifest(job: string, snapshot: string, bytes: Uint8Array): { manifest?: Manifest; fault?: ErrorRecord } {
  try {
    const manifest = parseDocument(manifestSchema, manifestKey(job, snapshot), bytes);
    if (manifest.job === job && manifest.snapshot === snapshot) return { manifest };
    return {
      fault: faultOf(
        `manifest.json of ${snapshot} says that it is of job ${manifest.job}, snapshot ${manifest.snapshot}`,
      ),
    };
  } catch (error) {
    if (error instanceof CodedError) return { fault: faultOf(error.message) };
    throw error;
  }
}

/** The manifest stays with the entry: `finish`, called twice, puts the list of digests right again. */
async function sumsFault(
  storage: Storage,
  job: string,
  snapshot: string,
  manifestSha256: string,
): Promise<ErrorRecord | undefined> {
  const bytes = await readDocument(storage, sumsKey(job, snapshot));
  if (typeof bytes === "string")
    return faultOf(`SHA256SUMS of ${snapshot}, with which manifest.json is compared, is ${bytes}`);
  const digest = parseSums(Buffer.from(bytes).toString("utf8")).get("manifest.json");
  if (digest === manifestSha256) return undefined;
  return faultOf(
    `manifest.json of ${snapshot} ${digest === undefined ? "has no line" : "differs from its line"} in SHA256SUMS`,
  );
}

/** One that is damaged, or of another place, counts as none: the snapshot is then unverified. */
export async function readVerification(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<Verification | undefined> {
  const key = verifiedKey(job, snapshot);
  const bytes = await readDocument(storage, key);
  if (typeof bytes === "string") return undefined;
  try {
    const verification = parseDocument(verificationSchema, key, bytes);
    return verification.job === job && verification.snapshot === snapshot ? verification : undefined;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
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

const faultOf = (message: string): ErrorRecord => ({ code: "INTEGRITY_MANIFEST", message, retryable: false });
