import type { Bytes } from "../../bytes.ts";
import { DecryptionFault } from "../encryption.ts";
import { type Header, parseHeader, VERSION_LINE } from "./header.ts";

export const NONCE_BYTES = 16;

export interface FileStart {
  readonly header: Header;
  readonly nonce: Uint8Array;
  /** All that follows. */
  readonly payload: Bytes;
  /** Lets go of the source, also where the payload was never asked for. */
  release(): Promise<void>;
}

/** Thousands of recipients fit; what is longer is no header. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** Takes header and nonce off the front of a file. Whoever is given it releases it. @throws DecryptionFault */
export async function readFileStart(source: Bytes): Promise<FileStart> {
  const iterator = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const release = async (): Promise<void> => {
    await iterator.return?.();
  };
  const more = async (): Promise<void> => {
    const result = await iterator.next();
    if (result.done === true) throw new DecryptionFault("ends in its header");
    held = Buffer.concat([held, result.value]);
  };
  try {
    while (!beginsRight(held)) await more();
    for (let end = headerEnd(held); ; end = headerEnd(held)) {
      if (end > 0 && held.byteLength >= end + NONCE_BYTES) {
        const header = parseHeader(held.toString("latin1", 0, end));
        const nonce = held.subarray(end, end + NONCE_BYTES);
        return { header, nonce, payload: rest(held.subarray(end + NONCE_BYTES), iterator), release };
      }
      if (end === 0 && held.byteLength > MAX_HEADER_BYTES) throw new DecryptionFault("has a header without end");
      await more();
    }
  } catch (error) {
    await release();
    throw error;
  }
}

function beginsRight(held: Buffer): boolean {
  const begin = held.toString("latin1", 0, VERSION_LINE.length);
  if (!VERSION_LINE.startsWith(begin)) throw new DecryptionFault("is not a file of age, version 1");
  return begin.length === VERSION_LINE.length;
}

/** Behind the newline of the line that begins with `---`; 0 while that has not come. */
function headerEnd(held: Buffer): number {
  const last = held.indexOf("\n---", VERSION_LINE.length - 1, "latin1");
  return last < 0 ? 0 : held.indexOf("\n", last + 1, "latin1") + 1;
}

async function* rest(first: Uint8Array, iterator: AsyncIterator<Uint8Array>): Bytes {
  if (first.byteLength > 0) yield first;
  for (let result = await iterator.next(); result.done !== true; result = await iterator.next()) yield result.value;
}
