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
/** Output may run ahead of the reader by a few pieces, so that neither waits for the other at each one. */
const BUFFERS = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 4 * CHUNK_BYTES };
/** Windows of up to 128 MiB, as `zstd -d` itself accepts without `--long`. */
const MAX_WINDOW_LOG = 27;

export function compress(source: Bytes, compression: Compression): Bytes {
  switch (compression.type) {
    case "none":
      return source;
    case "gzip":
      return through(source, zlib.createGzip({ level: compression.level, ...BUFFERS }));
    case "zstd": {
      const params = {
        [zlib.constants.ZSTD_c_compressionLevel]: compression.level,
        [zlib.constants.ZSTD_c_checksumFlag]: 1,
      };
      return through(source, zlib.createZstdCompress({ params, ...BUFFERS }));
    }
  }
}

/**
 * The way back. A stream that is cut short or damaged throws what zlib throws. Bytes behind a zstd frame are passed
 * over, so who reads must compare the digest of the compressed bytes as well.
 */
export function decompress(source: Bytes, type: CompressionType): Bytes {
  switch (type) {
    case "none":
      return source;
    case "gzip":
      return through(source, zlib.createGunzip({ ...BUFFERS }));
    case "zstd": {
      const params = { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
      return through(source, zlib.createZstdDecompress({ params, ...BUFFERS }));
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

/** Errors of the source come out as themselves; stopping early releases source and transform. */
async function* through(source: Bytes, transform: Duplex): Bytes {
  const fed = feed(source, transform);
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
