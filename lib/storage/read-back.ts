import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { CHUNK_BYTES, type Measurement } from "../bytes.ts";
import type { Checked } from "./file-content.ts";
import { onFile } from "./file-error.ts";

/** A file in the making, read back behind its writer through one buffer. */
export interface ReadBack {
  /** The first `bytes` of the file are on the disk, so they may be read. Returns at once; what fails is thrown by `end`. */
  reached(bytes: number): void;
  /** Reads on to the end of the file, which is written whole by now and should have so many bytes. */
  end(expectedBytes: number): Promise<Measurement & Checked>;
  /** Closes the file, whatever has been read of it. Always called last. */
  close(): Promise<void>;
}

/**
 * What was written is read while the rest is still being compressed and written, instead of all of it afterwards: on a
 * gigabyte that takes a quarter of the time off a `put`. Nothing is opened before there is something to read, and a small file gets a small
 * buffer: a hundred thousand large ones would make V8 go through its whole heap again and again.
 */
export function readBack(doing: string, path: string): ReadBack {
  const hash = createHash("sha256");
  let buffer: Buffer | undefined;
  let file: FileHandle | undefined;
  let bytes = 0;
  let crc = 0;
  let closed = false;
  let reading = Promise.resolve();

  async function readUpTo(limit: number, fileBytes = CHUNK_BYTES): Promise<void> {
    file ??= await onFile(doing, path, open(path, "r"));
    buffer ??= Buffer.allocUnsafe(Math.min(fileBytes + 1, CHUNK_BYTES));
    while (!closed && bytes < limit) {
      const wanted = Math.min(buffer.byteLength, limit - bytes);
      const { bytesRead } = await onFile(doing, path, file.read(buffer, 0, wanted, bytes));
      if (bytesRead === 0) return;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      crc = crc32(piece, crc);
      bytes += bytesRead;
    }
  }

  function reached(limit: number): void {
    reading = reading.then(() => readUpTo(limit));
    reading.catch(() => {});
  }

  return {
    reached,
    async end(expectedBytes) {
      await reading;
      await readUpTo(Infinity, expectedBytes);
      return { bytes, crc32: crc, sha256: hash.digest("hex") };
    },
    async close() {
      closed = true;
      await reading.catch(() => {});
      await file?.close();
    },
  };
}
