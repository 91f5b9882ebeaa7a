import { createHash } from "node:crypto";
import type { Bytes } from "../../lib/bytes.ts";

/** `count` bytes that are the same at every call, differ from piece to piece, and depend on `seed`. */
export function patternBytes(count: number, seed = 1): Uint8Array {
  const pattern = new Uint8Array(count);
  for (let index = 0; index < count; index += 1) pattern[index] = (index * 31 + (index >> 8) * 7 + seed * 13) & 0xff;
  return pattern;
}

/** `count` bytes in pieces of `size`. */
export async function* pattern(count: number, { seed = 1, size = 64 * 1024 } = {}): Bytes {
  yield* pieces(patternBytes(count, seed), size);
}

/** The same bytes in pieces of sizes that nobody expects, empty ones among them. */
export async function* oddPieces(content: Uint8Array): Bytes {
  const sizes = [1, 0, 3, 7, 4_099, 65_537, 2, 511];
  for (let offset = 0, turn = 0; offset < content.byteLength; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield content.subarray(offset, offset + size);
    offset += size;
  }
}

/** Gives `count` bytes and then fails with `error`. */
export async function* failingAfter(count: number, error: Error, size = 64 * 1024): Bytes {
  yield* pieces(patternBytes(count), size);
  throw error;
}

/** The same bytes, but the event loop turns before each piece: others get their turn. */
export async function* slowly(source: Bytes): Bytes {
  for await (const chunk of source) {
    await new Promise((resolve) => setImmediate(resolve));
    yield chunk;
  }
}

/** One buffer for all pieces, as a source may have it that promises a piece only until the next is asked for. */
export async function* reusingItsBuffer(content: Uint8Array, size = 1_000): Bytes {
  const buffer = new Uint8Array(size);
  for (let offset = 0; offset < content.byteLength; offset += size) {
    const piece = content.subarray(offset, offset + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.byteLength);
  }
}

/** A source that says whether it was begun and whether it was let go of. */
export function watched(source: Bytes): {
  readonly bytes: Bytes;
  readonly state: { begun: boolean; released: boolean };
} {
  const state = { begun: false, released: false };
  const bytes: Bytes = {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      return {
        async next() {
          state.begun = true;
          const result = await iterator.next();
          if (result.done === true) state.released = true;
          return result;
        },
        async return() {
          state.released = true;
          return (await iterator.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
  return { bytes, state };
}

/** All of a stream whose buffers may take turns. */
export async function collected(source: Bytes): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

function* pieces(content: Uint8Array, size: number): Generator<Uint8Array> {
  for (let offset = 0; offset < content.byteLength; offset += size) yield content.subarray(offset, offset + size);
}
