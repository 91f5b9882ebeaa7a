import { type Bytes, CHUNK_BYTES, type MeasuredBytes, type Measurement, measure } from "./bytes.ts";
import { hashInThread } from "./hash-thread.ts";

/** Below it a thread costs more than it saves. */
export const THREAD_FROM_BYTES = 128 * 1024 * 1024;

/**
 * Measures a stream whose pieces are the reader's own, as a storage's are, and of which `expectedBytes` will come. A long
 * one is hashed on a thread: each piece goes there, and out of memory, once the reader is through with it. So the reader
 * does not change a piece, and reads it no more once the next but one is asked for, as with `rechunk`.
 *
 * That the memory is given back at once matters as much as the thread: V8 goes through the whole heap for every 32 MiB
 * that lie outside of it and wait for a collection.
 */
export function measureOwned(source: Bytes, expectedBytes: number): MeasuredBytes {
  return expectedBytes < THREAD_FROM_BYTES ? measure(source) : measureInThread(source);
}

function measureInThread(source: Bytes): MeasuredBytes {
  let measured: Measurement | undefined;

  async function* pass(): Bytes {
    const hash = hashInThread();
    if (hash === undefined) {
      const here = measure(source);
      yield* here.bytes;
      measured = here.result();
      return;
    }
    let total = 0;
    let last: Uint8Array | undefined;
    let spent: ArrayBuffer[] = [];
    let spentBytes = 0;
    const spend = async (buffer: ArrayBuffer): Promise<void> => {
      spent.push(buffer);
      spentBytes += buffer.byteLength;
      if (spentBytes < CHUNK_BYTES) return;
      await hash.take(spent);
      spent = [];
      spentBytes = 0;
    };
    try {
      for await (const piece of source) {
        total += piece.byteLength;
        yield piece;
        if (last !== undefined) await spend(ownedBuffer(last));
        last = piece;
      }
      // The reader may be at it still.
      if (last !== undefined) spent.push(copyOf(last));
      await hash.take(spent);
      measured = { bytes: total, sha256: await hash.digest() };
    } finally {
      await hash.close();
    }
  }

  return {
    bytes: pass(),
    result() {
      if (measured === undefined) throw new Error("a stream was asked for its measure before its end");
      return measured;
    },
  };
}

/** A piece that is all of its buffer as it is, and a copy of any other: the rest of the buffer may be somebody else's. */
function ownedBuffer(piece: Uint8Array): ArrayBuffer {
  const { buffer } = piece;
  return buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength ? buffer : copyOf(piece);
}

const copyOf = (piece: Uint8Array): ArrayBuffer => new Uint8Array(piece).buffer;
