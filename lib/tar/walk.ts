import { type Dirent, opendir } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import type { Excludes } from "./exclude.ts";
import { printable } from "./named-list.ts";
import type { ReadingReport } from "./reading-report.ts";

export interface WalkOptions {
  /** Absolute. A folder. */
  readonly root: string;
  readonly excludes: Excludes;
  readonly oneFileSystem: boolean;
  readonly followSymlinks: boolean;
  readonly report: ReadingReport;
  readonly signal: AbortSignal;
}

/** `names` are for tar's `--files-from`: `./` and the path, each ended by a NUL. `count` is how many were given so far. */
export interface Walk {
  readonly names: Bytes;
  readonly count: () => number;
}

interface Folder {
  /** Relative to the root, empty for the root itself, otherwise ending in `/`. */
  readonly path: Buffer;
  /** Devices and inodes of the folders above, where links are followed and could lead in a circle. */
  readonly above: readonly string[];
}

type Kind = "file" | "folder" | "socket";

const PIECE_BYTES = 64 * 1024;
const ENTRIES_AT_ONCE = 512;
const opendirAsync = promisify<Buffer, { encoding: "buffer"; bufferSize: number }, DirOfBuffers>(
  opendir as unknown as (path: Buffer, options: object, done: (error: Error | null, dir: DirOfBuffers) => void) => void,
);
/** `@types/node` knows of names that are strings only. */
type DirOfBuffers = AsyncIterable<Dirent<Buffer>>;

/**
 * All names below a folder, as bytes. A folder comes before what is in it and nothing else comes between, because tar
 * sets a folder's times and rights when it leaves it. Holds the names of the sub-folders on the way down, no more.
 * What cannot be read goes into the report. @throws SourceError when the root itself cannot be listed
 */
export function walk(options: WalkOptions): Walk {
  let count = 0;

  async function* names(): Bytes {
    const root = await stat(options.root, { bigint: true });
    let pieces: Buffer[] = [];
    let size = 0;
    for await (const name of below({ path: Buffer.alloc(0), above: [identity(root)] }, options, root.dev)) {
      count += 1;
      pieces.push(DOT_SLASH, name, NUL);
      size += name.length + 3;
      if (size < PIECE_BYTES) continue;
      options.signal.throwIfAborted();
      yield Buffer.concat(pieces, size);
      pieces = [];
      size = 0;
    }
    if (size > 0) yield Buffer.concat(pieces, size);
  }

  return { names: names(), count: () => count };
}

const DOT_SLASH = Buffer.from("./");
const SLASH = Buffer.from("/");
const NUL = Buffer.alloc(1);

async function* below(top: Folder, options: WalkOptions, device: bigint): AsyncGenerator<Buffer> {
  const pending: Folder[] = [top];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const found = await list(folder, options, device);
    if (found === undefined) continue;
    // Without its last slash, or tar would follow a link that took the folder's place in the meantime.
    yield folder.path.subarray(0, -1);
    yield* found.files;
    // Last in, first out: the first sub-folder is next, and its siblings wait until all below it is through.
    pending.push(...found.folders.reverse());
  }
}

/** One folder's entries: what is to be stored as it is, and what is to be entered. Undefined when nothing could be listed. */
async function list(
  folder: Folder,
  options: WalkOptions,
  device: bigint,
): Promise<{ files: Buffer[]; folders: Folder[] } | undefined> {
  const files: Buffer[] = [];
  const folders: Folder[] = [];
  options.signal.throwIfAborted();
  if (await isElsewhere(folder, options, device)) return { files, folders };
  try {
    const entries = await opendirAsync(absolute(options.root, folder.path), {
      encoding: "buffer",
      bufferSize: ENTRIES_AT_ONCE,
    });
    for await (const entry of entries) {
      const path = Buffer.concat([folder.path, entry.name]);
      const kind = await kindOf(entry, path, options);
      if (kind === undefined || options.excludes(path, kind === "folder")) continue;
      if (kind === "socket") options.report.sockets.add(shown(path));
      else if (kind === "file") {
        if (!options.oneFileSystem || (await isOn(device, path, options))) files.push(path);
      } else {
        const above = options.followSymlinks ? await circleGuard(path, folder, options) : folder.above;
        if (above === "circle") files.push(path);
        else if (above !== undefined) folders.push({ path: Buffer.concat([path, SLASH]), above });
      }
    }
  } catch (error) {
    failed(folder, error, options);
    if (files.length + folders.length === 0) return undefined;
  }
  return { files, folders };
}

/** Undefined for what is gone or cannot be followed, which the report then has. */
async function kindOf(entry: Dirent<Buffer>, path: Buffer, options: WalkOptions): Promise<Kind | undefined> {
  if (entry.isDirectory()) return "folder";
  if (entry.isSocket()) return "socket";
  if (entry.isSymbolicLink()) return options.followSymlinks ? followed(path, options) : "file";
  if (entry.isFile() || entry.isFIFO() || entry.isBlockDevice() || entry.isCharacterDevice()) return "file";
  // Some file systems do not tell the kind with the name.
  const stats = await lstat(absolute(options.root, path)).catch((error: NodeJS.ErrnoException) =>
    missing(path, error, options),
  );
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return "folder";
  if (stats.isSocket()) return "socket";
  return stats.isSymbolicLink() && options.followSymlinks ? followed(path, options) : "file";
}

async function followed(path: Buffer, options: WalkOptions): Promise<Kind | undefined> {
  try {
    const target = await stat(absolute(options.root, path));
    if (target.isDirectory()) return "folder";
    return target.isSocket() ? "socket" : "file";
  } catch (error) {
    if (codeOf(error) === "ENOENT") options.report.links.add(shown(path), "leads nowhere");
    else if (codeOf(error) === "ELOOP") options.report.links.add(shown(path), "leads in a circle");
    else options.report.unreadable.add(shown(path), reason(error));
    return undefined;
  }
}

/** The folders above for what is inside this one; `circle` when it is one of them itself, undefined when it is gone. */
async function circleGuard(
  path: Buffer,
  parent: Folder,
  options: WalkOptions,
): Promise<readonly string[] | "circle" | undefined> {
  const look = stat(absolute(options.root, path), { bigint: true });
  const stats = await look.catch((error: unknown) => missing(path, error, options));
  if (stats === undefined) return undefined;
  if (!parent.above.includes(identity(stats))) return [...parent.above, identity(stats)];
  options.report.links.add(shown(path), "leads in a circle");
  return "circle";
}

/** The folder a file system is mounted on is stored, and not entered. */
async function isElsewhere(folder: Folder, options: WalkOptions, device: bigint): Promise<boolean> {
  if (!options.oneFileSystem || folder.path.length === 0) return false;
  return !(await isOn(device, folder.path, options));
}

async function isOn(device: bigint, path: Buffer, options: WalkOptions): Promise<boolean> {
  const look = options.followSymlinks ? stat : lstat;
  const stats = await look(absolute(options.root, path), { bigint: true }).catch((error: unknown) =>
    missing(path, error, options),
  );
  return stats?.dev === device;
}

function missing(path: Buffer, error: unknown, options: WalkOptions): undefined {
  if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") options.report.vanished.add(shown(path));
  else options.report.unreadable.add(shown(path), reason(error));
  return undefined;
}

function failed(folder: Folder, error: unknown, options: WalkOptions): void {
  options.signal.throwIfAborted();
  if (codeOf(error) === undefined) throw error;
  if (folder.path.length > 0) {
    missing(folder.path.subarray(0, -1), error, options);
    return;
  }
  const code = codeOf(error) === "EACCES" || codeOf(error) === "EPERM" ? "SOURCE_FORBIDDEN" : "SOURCE_FAILED";
  throw new SourceError(code, `${options.root} cannot be listed: ${reason(error)}`, { cause: error });
}

/** As tar names it. */
const shown = (path: Buffer): string => `./${printable(path)}`;
const absolute = (root: string, path: Buffer): Buffer => Buffer.concat([Buffer.from(root), SLASH, path]);
const identity = (stats: { readonly dev: bigint; readonly ino: bigint }): string => `${stats.dev}:${stats.ino}`;

function codeOf(error: unknown): string | undefined {
  return error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("E") &&
    "syscall" in error
    ? error.code
    : undefined;
}

/** `EACCES: permission denied`, without the path that Node adds. */
function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split(",")[0] ?? "") : String(error);
}
