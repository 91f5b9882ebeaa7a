import { createHash, type Hash } from "node:crypto";
import { appendFile, chmod, type FileHandle, lstat, open, readlink } from "node:fs/promises";
import { CHUNK_BYTES } from "../bytes.ts";
import { printable } from "./named-list.ts";
import type { EntryKind, TarEntry } from "./tar-scan.ts";

/** A hole as short as this is hashed as zeros; longer ones are noted instead, or one file could take hours. */
const SHORT_HOLE_BYTES = CHUNK_BYTES;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
const FLUSH_BYTES = 256 * 1024;

/** One line of the list. Paths are bytes in Latin-1: JSON holds no others. */
interface ListedEntry {
  readonly kind: EntryKind;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly size: number;
  readonly sha256: string;
  /** Offset and length of the long holes, which the digest leaves out. */
  readonly holes: readonly (readonly [number, number])[];
}

/** What an archive says that it holds, on disk: memory must not grow with the number of entries. */
export interface EntryList {
  entry(entry: TarEntry): void;
  content(piece: Uint8Array, offset: number): void;
  entryEnd(): void;
  /** Writes what has gathered; to be awaited now and then. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function createEntryList(file: string): EntryList {
  let current:
    | { readonly entry: TarEntry; readonly hash: Hash; readonly holes: [number, number][]; position: number }
    | undefined;
  let lines: string[] = [];
  let gathered = 0;

  function jumpTo(offset: number): void {
    if (current === undefined) return;
    const hole = offset - current.position;
    if (hole > SHORT_HOLE_BYTES) current.holes.push([current.position, hole]);
    else if (hole > 0) current.hash.update(ZEROS.subarray(0, hole));
    current.position = offset;
  }

  async function write(): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.join("");
    lines = [];
    gathered = 0;
    await appendFile(file, text, { mode: 0o600 });
  }

  return {
    entry(entry) {
      current = { entry, hash: createHash("sha256"), holes: [], position: 0 };
    },
    content(piece, offset) {
      jumpTo(offset);
      current?.hash.update(piece);
      if (current !== undefined) current.position += piece.byteLength;
    },
    entryEnd() {
      if (current === undefined) return;
      const { entry, hash, holes } = current;
      jumpTo(entry.size);
      const { kind, mode, size } = entry;
      const [path, linkPath] = [entry.path.toString("latin1"), entry.linkPath.toString("latin1")];
      const listed: ListedEntry = { kind, path, linkPath, mode, size, sha256: hash.digest("hex"), holes };
      const line = `${JSON.stringify(listed)}\n`;
      lines.push(line);
      gathered += line.length;
      current = undefined;
    },
    flush: async () => {
      if (gathered > FLUSH_BYTES) await write();
    },
    close: write,
  };
}

export interface CompareOptions {
  /** The user may not make devices, so it is no fault that there are none. */
  readonly devicesRefused: boolean;
  readonly signal: AbortSignal;
}

/** The first difference between the list and what lies below `tree`; undefined when there is none. */
export async function compareTree(list: string, tree: string, options: CompareOptions): Promise<string | undefined> {
  const handle = await open(list);
  try {
    for await (const line of handle.readLines({ autoClose: false })) {
      options.signal.throwIfAborted();
      const listed: ListedEntry = JSON.parse(line);
      const difference = await compareEntry(listed, tree, options);
      if (difference !== undefined) return `${printable(Buffer.from(listed.path, "latin1"))} ${difference}`;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

async function compareEntry(listed: ListedEntry, tree: string, options: CompareOptions): Promise<string | undefined> {
  const path = within(tree, listed.path);
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? undefined : Promise.reject(error),
  );
  if (stats === undefined) return listed.kind === "device" && options.devicesRefused ? undefined : "was not extracted";
  switch (listed.kind) {
    case "directory":
      // Its rights may shut us out, and what lies in it comes next.
      if ((listed.mode & 0o700) !== 0o700) await chmod(path, 0o700);
      return stats.isDirectory() ? undefined : "was not extracted as a folder";
    case "symlink": {
      const target = stats.isSymbolicLink() ? await readlink(path, { encoding: "buffer" }) : undefined;
      return target?.equals(Buffer.from(listed.linkPath, "latin1"))
        ? undefined
        : "was not extracted as the link that it was";
    }
    case "hardlink": {
      const target = await lstat(within(tree, listed.linkPath));
      return target.ino === stats.ino && target.dev === stats.dev ? undefined : "was not extracted as a hard link";
    }
    case "fifo":
      return stats.isFIFO() ? undefined : "was not extracted as a FIFO";
    case "device":
      return stats.isCharacterDevice() || stats.isBlockDevice() ? undefined : "was not extracted as a device";
    case "file":
      if (!stats.isFile()) return "was not extracted as a file";
      if (stats.size !== listed.size) return `has ${stats.size} bytes instead of ${listed.size}`;
      return compareContent(listed, path, options.signal);
  }
}

async function compareContent(listed: ListedEntry, path: Buffer, signal: AbortSignal): Promise<string | undefined> {
  if ((listed.mode & 0o400) === 0) await chmod(path, 0o600);
  const handle = await open(path);
  try {
    return await compareStretches(listed, handle, signal);
  } finally {
    await handle.close();
  }
}

async function compareStretches(
  listed: ListedEntry,
  handle: FileHandle,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let position = 0;
  const read = async (upTo: number, take: (piece: Buffer) => boolean): Promise<boolean> => {
    while (position < upTo) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, upTo - position), position);
      if (bytesRead === 0 || !take(buffer.subarray(0, bytesRead))) return false;
      position += bytesRead;
    }
    return true;
  };
  const hashed = (piece: Buffer) => hash.update(piece) !== undefined;
  const empty = (piece: Buffer) => piece.equals(ZEROS.subarray(0, piece.length));
  for (const [offset, bytes] of listed.holes) {
    if (!(await read(offset, hashed)) || !(await read(offset + bytes, empty)))
      return "has data where the archive has a hole";
  }
  if (!(await read(listed.size, hashed))) return "ends too early";
  return hash.digest("hex") === listed.sha256 ? undefined : "has other content than in the archive";
}

/** Names in the archive begin with `./` and may end in `/`, which would follow a link. */
function within(tree: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(path.replace(/\/+$/, ""), "latin1")]);
}
