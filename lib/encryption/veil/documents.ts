import { randomBytes } from "node:crypto";
import type { Bytes } from "../../bytes.ts";
import { derivedKey } from "../age/aead.ts";
import { openPayload, sealPayload } from "../age/payload.ts";
import { SEALED_DOCUMENT } from "../encryption.ts";

const BEGIN = Buffer.from(SEALED_DOCUMENT);
const NONCE_BYTES = 16;
const CHUNK = 64 * 1024;
const TAG_BYTES = 16;

/** What a sealed document has more than its content: at most this for content of any length up to `bytes`. */
export const sealedBytes = (bytes: number): number =>
  BEGIN.byteLength + NONCE_BYTES + bytes + TAG_BYTES * Math.max(1, Math.ceil(bytes / CHUNK));

/** A document under a key of its own, bound to the place where it lies: it opens in no other. */
export async function* sealDocument(key: Uint8Array, place: string, content: Bytes): Bytes {
  const nonce = randomBytes(NONCE_BYTES);
  yield Buffer.concat([BEGIN, nonce]);
  yield* sealPayload(content, documentKey(key, nonce, place));
}

/** What was stored in the clear, before documents were sealed, comes out as it is. @throws DecryptionFault */
export async function* openDocument(key: Uint8Array, place: string, stored: Bytes): Bytes {
  const iterator = stored[Symbol.asyncIterator]();
  const rest: Bytes = { [Symbol.asyncIterator]: () => iterator };
  try {
    let held: Buffer = Buffer.alloc(0);
    while (held.byteLength < BEGIN.byteLength + NONCE_BYTES && isBeginning(held)) {
      const { done, value } = await iterator.next();
      if (done === true) break;
      held = Buffer.concat([held, value]);
    }
    const behind = BEGIN.byteLength + NONCE_BYTES;
    if (held.byteLength < behind || !isBeginning(held)) {
      if (held.byteLength > 0) yield held;
      yield* rest;
      return;
    }
    const nonce = held.subarray(BEGIN.byteLength, behind);
    yield* openPayload(after(held.subarray(behind), rest), documentKey(key, nonce, place));
  } finally {
    await iterator.return?.();
  }
}

function isBeginning(held: Uint8Array): boolean {
  const length = Math.min(held.byteLength, BEGIN.byteLength);
  return BEGIN.subarray(0, length).equals(held.subarray(0, length));
}

async function* after(first: Uint8Array, rest: Bytes): Bytes {
  if (first.byteLength > 0) yield first;
  yield* rest;
}

const documentKey = (key: Uint8Array, nonce: Uint8Array, place: string): Uint8Array =>
  derivedKey(key, nonce, `core-backup/document/${place}`);
