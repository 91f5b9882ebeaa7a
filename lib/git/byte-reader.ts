import type { Bytes } from "../bytes.ts";
import { TransientError } from "../errors.ts";

/** Takes a stream in the sizes that its format has, whatever the sizes that it comes in. */
export interface ByteReader {
  /**
   * Exactly `count` bytes; undefined when the stream had ended before the first of them.
   * @throws TransientError `SOURCE_TRUNCATED` when it ends in between
   */
  read(count: number): Promise<Uint8Array | undefined>;
  /** What is at hand, at least one byte and at most `limit`, without copying it; undefined at the end. */
  some(limit?: number): Promise<Uint8Array | undefined>;
  /** Up to and without the next newline. @throws TransientError `SOURCE_TRUNCATED` | RangeError past `limit` bytes */
  line(limit: number): Promise<Uint8Array>;
  /** Puts bytes back in front, for whom reads next. */
  unread(bytes: Uint8Array): void;
  /** Releases the source. Harmless when repeated. */
  close(): Promise<void>;
}

const NEWLINE = 10;

export function byteReader(source: Bytes): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  let ended = false;

  /** False at the end; otherwise `held` was replaced by bytes that nobody has seen. */
  async function next(): Promise<boolean> {
    while (!ended) {
      const result = await iterator.next();
      if (result.done === true) ended = true;
      else if (result.value.byteLength > 0) {
        held = result.value;
        return true;
      }
    }
    return false;
  }

  function take(count: number): Uint8Array {
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  }

  return {
    async read(count) {
      if (held.byteLength >= count) return take(count);
      const whole = new Uint8Array(count);
      let filled = 0;
      while (filled < count) {
        if (held.byteLength === 0 && !(await next())) {
          if (filled === 0) return undefined;
          throw truncated();
        }
        const piece = take(count - filled);
        whole.set(piece, filled);
        filled += piece.byteLength;
      }
      return whole;
    },
    async some(limit = Number.POSITIVE_INFINITY) {
      if (held.byteLength === 0 && !(await next())) return undefined;
      return take(Math.min(limit, held.byteLength));
    },
    async line(limit) {
      const pieces: Uint8Array[] = [];
      let length = 0;
      for (;;) {
        if (held.byteLength === 0 && !(await next())) throw truncated();
        const end = held.indexOf(NEWLINE);
        const piece = take(end === -1 ? held.byteLength : end);
        pieces.push(piece);
        length += piece.byteLength;
        if (length > limit) throw new RangeError(`a line of more than ${limit} bytes`);
        if (end === -1) continue;
        take(1);
        return pieces.length === 1 ? piece : Buffer.concat(pieces);
      }
    },
    unread(bytes) {
      held = held.byteLength === 0 ? bytes : Buffer.concat([bytes, held]);
    },
    async close() {
      ended = true;
      held = new Uint8Array(0);
      await iterator.return?.();
    },
  };
}

export function truncated(cause?: unknown): TransientError {
  return new TransientError("SOURCE_TRUNCATED", "the answer ended too early", { cause });
}
