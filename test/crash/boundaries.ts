// First, so that what is watched is what it left.
import "./no-waiting.ts";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/**
 * Numbers every moment at which a killed process leaves a folder in another state than a moment before. To be imported
 * before anything of lib/: from then on whatever this process changes by `node:fs/promises` passes here first. Nothing in the
 * product knows of it.
 */
const watched = {
  folders: [] as readonly string[],
  passed: [] as string[],
  at: (_passed: number): "flip" | undefined => undefined,
};

/**
 * Counts from now on what happens below `folders`, and calls `at` with the number of each change right before it. Where
 * that is a write, `flip` turns over a bit on its way. Answers
 * what stood before each, in order: `open job/…`, `second half of a write job/…`, `link …`.
 */
export function watchBoundaries(
  folders: readonly string[],
  at: (passed: number) => "flip" | undefined,
): readonly string[] {
  Object.assign(watched, { folders, at });
  return watched.passed;
}

const { open, link, rename, unlink, mkdir, mkdtemp, rmdir, rm, writeFile } = fs;

function boundary(what: string, path: unknown): "flip" | undefined {
  const { folders, at, passed } = watched;
  const folder = typeof path === "string" ? folders.find((one) => path.startsWith(one)) : undefined;
  if (folder === undefined || typeof path !== "string") return undefined;
  passed.push(`${what} ${path.slice(folder.length + 1).replace(/\.core-backup-tmp-.*/, "(temporary)")}`.trimEnd());
  return at(passed.length);
}

Object.assign(fs, {
  async open(...args: Parameters<typeof open>): Promise<FileHandle> {
    const [path, flags] = args;
    if (typeof flags === "string" && /[wa+]/.test(flags)) boundary("open", path);
    const file = await open(...args);
    watchFile(file, path);
    return file;
  },
  link(...args: Parameters<typeof link>) {
    boundary("link", args[1]);
    return link(...args);
  },
  rename(...args: Parameters<typeof rename>) {
    boundary("rename", args[1]);
    return rename(...args);
  },
  unlink(...args: Parameters<typeof unlink>) {
    boundary("unlink", args[0]);
    return unlink(...args);
  },
  mkdir(...args: Parameters<typeof mkdir>) {
    boundary("mkdir", args[0]);
    return mkdir(...args);
  },
  mkdtemp(prefix: string) {
    boundary("mkdtemp", prefix);
    return mkdtemp(prefix);
  },
  rmdir(...args: Parameters<typeof rmdir>) {
    boundary("rmdir", args[0]);
    return rmdir(...args);
  },
  rm(...args: Parameters<typeof rm>) {
    boundary("rm", args[0]);
    return rm(...args);
  },
  writeFile(...[path, content, options]: Parameters<typeof writeFile>) {
    boundary("writeFile", path);
    return writeFile(path, isPieces(content) ? inHalves(path, content) : content, options);
  },
});
syncBuiltinESMExports();

/** Of a write the first byte, the middle and the last one are told apart by writing it in two halves. */
function watchFile(file: FileHandle, path: unknown): void {
  const write = file.write.bind(file);
  const writeFile = file.writeFile.bind(file);
  const sync = file.sync.bind(file);
  Object.assign(file, {
    async write(whole: Uint8Array, offset: number, length: number, position: number | null) {
      const buffer = boundary("write", path) === "flip" ? flipped(whole, offset) : whole;
      const half = Math.floor(length / 2);
      if (half === 0) return write(buffer, offset, length, position);
      const first = await write(buffer, offset, half, position);
      const rest = boundary("second half of a write", path) === "flip" ? flipped(buffer, offset + half) : buffer;
      const second = await write(rest, offset + half, length - half, position === null ? null : position + half);
      return { bytesWritten: first.bytesWritten + second.bytesWritten, buffer };
    },
    writeFile(...args: Parameters<typeof writeFile>) {
      boundary("write", path);
      return writeFile(...args);
    },
    sync() {
      boundary("sync", path);
      return sync();
    },
  });
}

function flipped(content: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(content);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

const isPieces = (content: unknown): content is AsyncIterable<Uint8Array> =>
  typeof content === "object" && content !== null && Symbol.asyncIterator in content;

async function* inHalves(path: unknown, pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) {
    boundary("write", path);
    yield piece.subarray(0, piece.byteLength >> 1);
    boundary("second half of a write", path);
    yield piece.subarray(piece.byteLength >> 1);
  }
}
