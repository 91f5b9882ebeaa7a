import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { type Bytes, CHUNK_BYTES } from "../bytes.ts";
import { StorageError } from "../errors.ts";
import { errnoName, onFile } from "./file-error.ts";

/** Written so far and not on the disk yet: kept small, so that the last sync is short and a full disk shows early. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/** What opening says of no file: nothing there, a symbolic link, a socket. */
const NO_FILE = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"]);

/** What was given and what was read back are compared by these; SHA-256 is taken once, of what was read back. */
export interface Checked {
  readonly bytes: number;
  readonly crc32: number;
}

/**
 * Writes all of `body` and syncs it to the disk. Closes the file in any case. `onSynced` hears, now and then, how many
 * bytes from the file's start are on the disk.
 * @throws what the body throws, as it is, or the file's error
 */
export async function writeContent(
  file: FileHandle,
  doing: string,
  path: string,
  body: Bytes,
  onSynced: (bytes: number) => void,
): Promise<Checked> {
  let total = 0;
  let crc = 0;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  // A sync that failed is told once by the system, so it is remembered here.
  let failed: { readonly error: unknown } | undefined;
  try {
    for await (const chunk of body) {
      await onFile(doing, path, writeAll(file, chunk));
      if (failed !== undefined) throw failed.error;
      crc = crc32(chunk, crc);
      total += chunk.byteLength;
      unsynced += chunk.byteLength;
      if (unsynced < SYNC_EVERY_BYTES || syncing !== undefined) continue;
      unsynced = 0;
      const written = total;
      syncing = onFile(doing, path, file.datasync())
        .then(() => onSynced(written))
        .catch((error: unknown) => {
          failed = { error };
        })
        .finally(() => {
          syncing = undefined;
        });
    }
    await syncing;
    if (failed !== undefined) throw failed.error;
    await onFile(doing, path, file.sync());
  } catch (error) {
    await syncing;
    await file.close().catch(() => {});
    throw error;
  }
  // Network file systems tell of a failed write here.
  await onFile(doing, path, file.close());
  return { bytes: total, crc32: crc };
}

/** The bytes of an open file, which is closed at the end or when the reader stops. A file that shrank meanwhile throws. */
export async function* readContent(opening: () => Promise<FileHandle>, doing: string, path: string): Bytes {
  const file = await opening();
  try {
    const { size } = await onFile(doing, path, file.stat());
    let position = 0;
    while (position < size) {
      // A new buffer each time: whoever took the last piece may still be reading it.
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position));
      const { bytesRead } = await onFile(doing, path, file.read(buffer, 0, buffer.byteLength, position));
      if (bytesRead === 0) throw endedEarly(doing, path, position, size);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a small file, in as few calls as can be: a page of many snapshots reads tens of thousands. Undefined where there is none, nor anything
 * but a file in its place. @throws RangeError when it is longer than `limit` bytes; what `readContent` throws
 */
export async function readWhole(doing: string, path: string, limit: number): Promise<Uint8Array | undefined> {
  const file = await openFile(doing, path);
  if (file === undefined) return undefined;
  try {
    const found = await onFile(doing, path, file.stat());
    if (!found.isFile()) return undefined;
    if (found.size > limit) throw new RangeError(`more than the ${limit} bytes allowed here`);
    const content = Buffer.allocUnsafe(found.size);
    for (let position = 0; position < found.size; ) {
      const { bytesRead } = await onFile(doing, path, file.read(content, position, found.size - position, position));
      if (bytesRead === 0) throw endedEarly(doing, path, position, found.size);
      position += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}

/** A pipe would have who opens it wait for a writer. */
async function openFile(doing: string, path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (NO_FILE.has(errnoName(error) ?? "")) return undefined;
    return onFile(doing, path, Promise.reject(error));
  }
}

function endedEarly(doing: string, path: string, position: number, size: number): StorageError {
  return new StorageError("STORAGE_FAILED", `${doing}: ${path} ended after ${position} of ${size} bytes`);
}

/** A write may take less than it was given, as when a disk fills up or a signal comes. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset, null);
    offset += bytesWritten;
  }
}
