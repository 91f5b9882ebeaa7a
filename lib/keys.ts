import { createHash } from "node:crypto";

/**
 * Where everything of a job lies (ARCHITECTURE.md, "On disk"). Names that people choose become folder names that
 * stay inside their folder and never collide: what is not plain is percent-encoded, and a folder never ends like a file.
 */

/** Every artifact ends in one of these, and no folder does: so a unit `a` and a unit `a/files.tar` cannot collide. */
const FILE_EXTENSIONS = [
  ".tar",
  ".bundle",
  ".json",
  ".jsonl",
  ".archive",
  ".bson",
  ".bin",
  ".gz",
  ".zst",
  ".age",
  ".gpg",
];
const RESERVED_FOLDERS = new Set(["SHA256SUMS"]);
const PLAIN = /[A-Za-z0-9._@+=-]/;
/** File systems end at 255 bytes a name; the rest is for a temporary name's ending. */
const MAX_NAME_LENGTH = 180;
const SNAPSHOT = /^(\d{4}-\d{2}-\d{2})T(\d{6}Z)$/;

/** One folder name for a job or a part of a unit's id. */
export function folderName(name: string): string {
  let encoded = encode(name);
  if (encoded.startsWith(".")) encoded = `%2E${encoded.slice(1)}`;
  if (RESERVED_FOLDERS.has(encoded)) encoded = percent(encoded.slice(0, 1)) + encoded.slice(1);
  const extension = FILE_EXTENSIONS.find((ending) => encoded.endsWith(ending));
  if (extension !== undefined) encoded = `${encoded.slice(0, -extension.length)}%2E${extension.slice(1)}`;
  return shorten(encoded);
}

/** `my-org/app` becomes two folders. Empty parts are encoded into the next one (`/srv` is `%2Fsrv`), so that ids stay apart. */
export function unitFolder(unitId: string): string {
  const folders: string[] = [];
  let slashes = "";
  for (const part of unitId.split("/")) {
    if (part === "") {
      slashes += "%2F";
      continue;
    }
    folders.push(slashes + folderName(part));
    slashes = "";
  }
  if (slashes !== "") folders.push(slashes);
  return folders.join("/");
}

/** A file name from a name that people chose and an extension that we chose. @throws Error for an extension not listed above */
export function fileName(name: string, extension: string): string {
  if (!FILE_EXTENSIONS.some((ending) => extension.endsWith(ending)))
    throw new Error(`no artifact may end in ${extension}`);
  const encoded = encode(name);
  return shorten(encoded.startsWith(".") ? `%2E${encoded.slice(1)}` : encoded) + extension;
}

/** True for a name that `folderName` may never give, as every artifact's must be. */
export function isFileName(name: string): boolean {
  return !name.includes("/") && !name.startsWith(".") && FILE_EXTENSIONS.some((ending) => name.endsWith(ending));
}

/** `2026-11-22T030000Z`, to the second in UTC. */
export function snapshotId(time: Date): string {
  const [day, clock] = time.toISOString().split("T");
  return `${day}T${clock?.slice(0, 8).replaceAll(":", "")}Z`;
}

/** The moment a snapshot id names; undefined for anything that is no id. */
export function snapshotTime(snapshot: string): Date | undefined {
  const match = SNAPSHOT.exec(snapshot);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const clock = match[2];
  const time = new Date(`${match[1]}T${clock.slice(0, 2)}:${clock.slice(2, 4)}:${clock.slice(4, 6)}Z`);
  return Number.isNaN(time.getTime()) || snapshotId(time) !== snapshot ? undefined : time;
}

export const jobPrefix = (job: string): string => `${folderName(job)}/`;

/** `<job>/<YYYY-MM-DD>/<HHMMSSZ>/` */
export function snapshotPrefix(job: string, snapshot: string): string {
  const match = SNAPSHOT.exec(snapshot);
  if (match === null) throw new Error(`not a snapshot id: ${snapshot}`);
  return `${jobPrefix(job)}${match[1]}/${match[2]}/`;
}

/** The snapshot id of a day's folder and a time's folder below it; undefined for folders that are not ours. */
export function snapshotOfFolders(day: string, time: string): string | undefined {
  const snapshot = `${day}T${time}`;
  return snapshotTime(snapshot) === undefined ? undefined : snapshot;
}

/** Who works on the job. Its name begins with a dot, as no folder's of a day does. */
export const leaseKey = (job: string): string => `${jobPrefix(job)}.lease`;
/** What was told of the job. */
export const toldKey = (job: string): string => `${jobPrefix(job)}.told.json`;
/** When a machine last began the job; in that machine's own folder, not in the storage. */
export const begunKey = (job: string): string => `${jobPrefix(job)}.begun.json`;
/** What its runs add up to, for metrics. */
export const countsKey = (job: string): string => `${jobPrefix(job)}.metrics.json`;
/** Which of its snapshots prune took away. */
export const removalsKey = (job: string): string => `${jobPrefix(job)}.removals.json`;
export const planKey = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}.run/plan.jsonl`;
export const runKey = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}.run/run.json`;
/** How far a source was listed that put it off. */
export const listingKey = (job: string, snapshot: string): string =>
  `${snapshotPrefix(job, snapshot)}.run/listing.json`;
/** Why there is no manifest. */
export const failedRunKey = (job: string, snapshot: string): string =>
  `${snapshotPrefix(job, snapshot)}.run/failed.json`;
/** `time` counts from 1: how often the run was taken up again. */
export const resumedKey = (job: string, snapshot: string, time: number): string =>
  `${snapshotPrefix(job, snapshot)}.run/resumed/${time}.json`;
/**
 * `resumed`: how often the run had been taken up again when the record was written. Each time has records of its own, so
 * that whoever had the run before cannot overwrite them.
 */
export const recordKey = (job: string, snapshot: string, n: number, resumed: number): string =>
  `${recordsPrefix(job, snapshot)}${n}${resumed === 0 ? "" : `.${resumed}`}.json`;
/** Where all records of a run lie. */
export const recordsPrefix = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}.run/units/`;
/** What a connector noted of a unit that its source put off; `resumed` as for its record. */
export const checkpointKey = (job: string, snapshot: string, n: number, resumed: number): string =>
  `${snapshotPrefix(job, snapshot)}.run/checkpoints/${n}${resumed === 0 ? "" : `.${resumed}`}.json`;
/** The parts that verifying a large snapshot was split into, one a line; for each later round those that were missing before it. */
export const verifyPartsKey = (job: string, snapshot: string, round: number): string =>
  `${snapshotPrefix(job, snapshot)}.run/verify/parts${round === 0 ? "" : `.${round}`}.jsonl`;
/** What is to be done for each artifact, one a line; the first says which lines these are. */
export const verifyTasksKey = (job: string, snapshot: string): string =>
  `${snapshotPrefix(job, snapshot)}.run/verify/tasks.jsonl`;
/** What a part found. */
export const verifiedPartKey = (job: string, snapshot: string, n: number): string =>
  `${snapshotPrefix(job, snapshot)}.run/verify/${n}.json`;
export const sumsKey = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}SHA256SUMS`;
export const manifestKey = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}manifest.json`;
export const verifiedKey = (job: string, snapshot: string): string => `${snapshotPrefix(job, snapshot)}verified.json`;

function encode(name: string): string {
  return [...name].map((character) => (PLAIN.test(character) ? character : percent(character))).join("");
}

function percent(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** True for a folder name that was too long: the name that it was made from cannot be told from it. */
export const isShortened = (folder: string): boolean => folder.includes("~");

/** `~` is in no encoded name, so a shortened one cannot meet a whole one. */
function shorten(encoded: string): string {
  if (encoded.length <= MAX_NAME_LENGTH) return encoded;
  const digest = createHash("sha256").update(encoded).digest("hex").slice(0, 40);
  return `${encoded.slice(0, MAX_NAME_LENGTH - 41)}~${digest}`;
}
