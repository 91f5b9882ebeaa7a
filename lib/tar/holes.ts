import { type FileHandle, open } from "node:fs/promises";
import { CHUNK_BYTES } from "../bytes.ts";
import { ProgramFailedError, ProgramMissingError, programText } from "../process.ts";
import type { TarEntry, TarListener } from "./tar-scan.ts";

/** Finds files with long stretches of zeros, in archives of a program that expands holes. */
export interface ZeroFinder extends Required<Pick<TarListener, "entry" | "content">> {
  readonly files: readonly TarEntry[];
}

const LONG_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
const CAPABILITY = "SCHILY.xattr.security.capability";

export function findZeros(): ZeroFinder {
  const files: TarEntry[] = [];
  let current: TarEntry | undefined;
  let run = 0;
  return {
    files,
    entry(entry) {
      // To make a hole takes a file's capabilities away.
      current = entry.kind === "file" && !entry.records.has(CAPABILITY) ? entry : undefined;
      run = 0;
    },
    content(piece) {
      if (current === undefined) return;
      run = isZero(piece) ? run + piece.byteLength : 0;
      if (run < LONG_BYTES) return;
      files.push(current);
      current = undefined;
    },
  };
}

/** Pieces are small beside the holes that matter, so one that holds anything else ends a stretch. */
function isZero(piece: Uint8Array): boolean {
  if (piece[0] !== 0 || piece.at(-1) !== 0) return false;
  for (let at = 0; at < piece.byteLength; at += ZEROS.byteLength) {
    const part = piece.subarray(at, at + ZEROS.byteLength);
    if (!ZEROS.subarray(0, part.byteLength).equals(part)) return false;
  }
  return true;
}

/**
 * Gives the disk back what extracted files hold of zeros, by the program fallocate of util-linux. Content, time and mode
 * stay. Where there is no such program, or the file system knows no holes, the files stay as they are.
 */
export async function digHoles(files: readonly TarEntry[], folder: string, signal: AbortSignal): Promise<void> {
  for (const { path, mtime, mode } of files) {
    const handle = await open(Buffer.concat([Buffer.from(`${folder}/`), path]), "r+").catch(() => undefined);
    if (handle === undefined) continue;
    try {
      const { atime } = await handle.stat();
      if (!(await dig(handle, signal))) return;
      await handle.chmod(mode & 0o7777);
      await handle.utimes(atime, Number(mtime));
    } finally {
      await handle.close();
    }
  }
}

/** By its descriptor, since a name need not be text. */
async function dig(handle: FileHandle, signal: AbortSignal): Promise<boolean> {
  try {
    await programText("fallocate", ["--dig-holes", `/proc/${process.pid}/fd/${handle.fd}`], { signal });
    return true;
  } catch (error) {
    if (error instanceof ProgramMissingError || error instanceof ProgramFailedError) return false;
    throw error;
  }
}
