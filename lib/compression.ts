import type { Duplex } from "node:stream";
import * as zlib from "node:zlib";
import { type Bytes, CHUNK_BYTES } from "./bytes.ts";
import { shellWord } from "./shell-word.ts";

export type CompressionType = "none" | "gzip" | "zstd";

export interface Compression {
  readonly type: CompressionType;
  /** zstd 1 to 19, gzip 1 to 9. Ignored for `none`. */
  readonly level: number;
}

const EXTENSIONS = { none: "", gzip: ".gz", zstd: ".zst" } as const;
const PROGRAMS = { none: "", gzip: "gunzip -k", zstd: "zstd -d" } as const;
const LEAST_BUFFER_BYTES = 16 * 1024;
/** Windows of up to 128 MiB, as `zstd -d` itself accepts without `--long`. */
const MAX_WINDOW_LOG = 27;

/** Fastest where the source gives pieces of a mebibyte, as `rechunk` makes them. */
export function compress(source: Bytes, compression: Compression): Bytes {
  switch (compression.type) {
    case "none":
      return source;
    case "gzip":
      return through(source, (bytes) => zlib.createGzip({ level: compression.level, ...buffersFor(bytes) }));
    case "zstd": {
      const params = {
        [zlib.constants.ZSTD_c_compressionLevel]: compression.level,
        [zlib.constants.ZSTD_c_checksumFlag]: 1,
      };
      return through(source, (bytes) => zlib.createZstdCompress({ params, ...buffersFor(bytes) }));
    }
  }
}

/**
 * The way back. A stream that is cut short or damaged throws what zlib throws. Bytes behind a zstd frame are passed
 * over, so who reads must compare the digest of the compressed bytes as well. `plainBytes`: how many are expected.
 */
export function decompress(source: Bytes, type: CompressionType, plainBytes = CHUNK_BYTES): Bytes {
  switch (type) {
    case "none":
      return source;
    case "gzip":
      return through(source, () => zlib.createGunzip(buffersFor(plainBytes)));
    case "zstd": {
      const params = { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
      return through(source, () => zlib.createZstdDecompress({ params, ...buffersFor(plainBytes) }));
    }
  }
}

/** The ending that a compressed artifact's name gets. */
export const compressionExtension = (type: CompressionType): string => EXTENSIONS[type];

/** The shell command that turns a stored artifact back into what `restore` (with `{}` for the plain file) expects. */
export function restoreCommand(restore: string, storedName: string, type: CompressionType): string {
  const plain = storedName.slice(0, storedName.length - EXTENSIONS[type].length);
  const command = restore.replaceAll("{}", shellWord(plain));
  return type === "none" ? command : `${PROGRAMS[type]} ${shellWord(storedName)} && ${command}`;
}

/**
 * Output may run ahead of the reader by a few pieces, so that neither waits for the other at each one. Little content gets small buffers: they lie
 * outside of V8's heap, of which V8 goes through all whenever they have grown by some dozen mebibytes, and a run can have a hundred thousand small artifacts.
 */
function buffersFor(bytes: number) {
  const chunkSize = Math.max(LEAST_BUFFER_BYTES, Math.min(bytes, CHUNK_BYTES));
  return { chunkSize, readableHighWaterMark: 4 * chunkSize };
}

/** Errors of the source come out as themselves; stopping early releases source and transform. */
async function* through(source: Bytes, make: (firstBytes: number) => Duplex): Bytes {
  const pieces = source[Symbol.asyncIterator]();
  const first = await pieces.next();
  const transform = make(first.done === true ? 0 : first.value.byteLength);
  const fed = feed(begunWith(first, pieces), transform);
  // Known at once; thrown below, where the reader is.
  fed.catch((error: unknown) => transform.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    yield* transform as AsyncIterable<Uint8Array>;
    await fed;
  } finally {
    transform.destroy();
    await fed.catch(() => {});
  }
}

async function* begunWith(first: IteratorResult<Uint8Array>, pieces: AsyncIterator<Uint8Array>): Bytes {
  try {
    for (let piece = first; piece.done !== true; piece = await pieces.next()) yield piece.value;
  } finally {
    await pieces.return?.();
  }
}

/** The next piece is made while the transform works on the last one, and no further: as `rechunk` allows. */
async function feed(source: Bytes, transform: Duplex): Promise<void> {
  let writing = Promise.resolve();
  for await (const piece of source) {
    await writing;
    writing = write(transform, piece);
    writing.catch(() => {});
  }
  await writing;
  transform.end();
}

function write(transform: Duplex, piece: Uint8Array): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onClose = () => reject(new Error("the stream was given up"));
    transform.once("close", onClose);
    transform.write(piece, (error) => {
      transform.off("close", onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
