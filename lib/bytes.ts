import { createHash } from "node:crypto";

/** A stream of bytes. One-shot; stopping early (`break`, `return`, a throw) releases its source. */
export type Bytes = AsyncIterable<Uint8Array>;

/** Hashes and zlib run at half speed on 64 KiB pieces, so streams are regrouped to this size. */
export const CHUNK_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/** What a stream held. `sha256` is lower-case hexadecimal. */
export interface Measurement {
  readonly bytes: number;
  readonly sha256: string;
}

/** A stream that counts and hashes what passes. `result()` is meaningful after the last byte, and throws before it. */
export interface MeasuredBytes {
  readonly bytes: Bytes;
  result(): Measurement;
}

/** Measures `source` as it passes by; `onBytes` hears the total so far after each chunk. */
export function measure(source: Bytes, onBytes: (total: number) => void = () => {}): MeasuredBytes {
  const hash = createHash("sha256");
  let total = 0;
  let measured: Measurement | undefined;

  async function* pass(): Bytes {
    for await (const chunk of source) {
      hash.update(chunk);
      total += chunk.byteLength;
      onBytes(total);
      yield chunk;
    }
    measured = { bytes: total, sha256: hash.digest("hex") };
  }

  return {
    bytes: pass(),
    result() {
      if (measured === undefined) throw new Error("a stream was asked for its measure before its end");
      return measured;
    },
  };
}

/** Reads `source` to its end and keeps nothing but its measure. */
export async function measureAll(source: Bytes): Promise<Measurement> {
  const measured = measure(source);
  for await (const _ of measured.bytes);
  return measured.result();
}

/**
 * The same bytes in pieces of `size`, the last one shorter. Two buffers take turns, so a terabyte makes no garbage: a
 * piece stays valid until the next but one is asked for. Who keeps it for longer copies it.
 */
export async function* rechunk(source: Bytes, size = CHUNK_BYTES): Bytes {
  // Grows to its size: a run can have a hundred thousand artifacts of a few bytes each.
  let piece = Buffer.allocUnsafeSlow(Math.min(size, FIRST_BYTES));
  let other: typeof piece | undefined;
  let filled = 0;
  for await (const chunk of source) {
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (filled === piece.byteLength) piece = grown(piece, Math.min(size, filled * 16));
      const count = Math.min(piece.byteLength - filled, chunk.byteLength - offset);
      piece.set(chunk.subarray(offset, offset + count), filled);
      filled += count;
      offset += count;
      if (filled < size) continue;
      yield piece;
      [piece, other] = [other ?? Buffer.allocUnsafeSlow(size), piece];
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

function grown(piece: Buffer, size: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(size);
  larger.set(piece);
  return larger;
}

/** A stream of one piece, or of none when it is empty. */
export async function* bytesOf(content: string | Uint8Array): Bytes {
  const piece = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (piece.byteLength > 0) yield piece;
}

/** The whole stream in memory. @throws RangeError when it is longer than `limit` bytes, having read no further. */
export async function readAll(source: Bytes, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of source) {
    total += chunk.byteLength;
    if (total > limit) throw new RangeError(`more than the ${limit} bytes allowed here`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces, total);
}

/** Lines of UTF-8 text without their ends; the last one needs none. @throws RangeError for one of more than `limit` bytes */
export async function* lineTexts(source: Bytes, limit: number): AsyncGenerator<string> {
  let rest: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]).toString("utf8");
      rest = [];
      held = 0;
      start = end + 1;
    }
    held += chunk.byteLength - start;
    if (held > limit) throw new RangeError(`a line has more than the ${limit} bytes allowed here`);
    if (start < chunk.byteLength) rest.push(chunk.slice(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString("utf8");
}

/** What `check` throws after the last byte is thrown. Not a generator: one that was never begun would not let go of `body`. */
export function checkedAtEnd(body: Bytes, check: (() => Promise<void>) | undefined): Bytes {
  if (check === undefined) return body;
  return {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]();
      return {
        async next() {
          const piece = await iterator.next();
          if (piece.done === true) await check();
          return piece;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
