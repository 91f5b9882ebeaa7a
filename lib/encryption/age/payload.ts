import { createSecretKey } from "node:crypto";
import type { Bytes } from "../../bytes.ts";
import { DecryptionFault } from "../encryption.ts";
import { openInto, sealInto, TAG_BYTES } from "./aead.ts";
import { chunksOf } from "./chunks.ts";

/**
 * The STREAM construction of age: chunks of 64 KiB, each with a tag, numbered in the nonce, the last one marked. So no
 * chunk can be changed, left out, added or moved, nor the end be cut off.
 */

const CHUNK = 64 * 1024;
const SEALED_CHUNK = CHUNK + TAG_BYTES;
/** So many chunks pass as one piece: what comes before and after works at half speed on smaller ones. */
const CHUNKS_A_PIECE = 16;

/** Two buffers take turns, as with `rechunk`: a piece stays valid until the next but one is asked for. What is of one chunk takes no more than it needs. */
export async function* sealPayload(plain: Bytes, key: Uint8Array): Bytes {
  // A key that OpenSSL holds already saves a fifth of the time.
  const secret = createSecretKey(key);
  const chunks = chunksOf(CHUNK);
  const nonce = nonces();
  let sealed: Buffer | undefined;
  let other: Buffer | undefined;
  let filled = 0;
  for await (const piece of plain) {
    for (const chunk of chunks.cut(piece)) {
      sealed ??= Buffer.allocUnsafeSlow(CHUNKS_A_PIECE * SEALED_CHUNK);
      filled += sealInto(sealed, filled, chunk, secret, nonce(false));
      if (filled < sealed.byteLength) continue;
      yield sealed;
      [sealed, other] = [other, sealed];
      filled = 0;
    }
  }
  const last = chunks.last();
  sealed ??= Buffer.allocUnsafeSlow(filled + last.byteLength + TAG_BYTES);
  filled += sealInto(sealed, filled, last, secret, nonce(true));
  yield sealed.subarray(0, filled);
}

/** @throws DecryptionFault when anything is changed, missing or too much; nothing unauthenticated comes out before that */
export async function* openPayload(sealed: Bytes, key: Uint8Array): Bytes {
  const secret = createSecretKey(key);
  const chunks = chunksOf(SEALED_CHUNK);
  const nonce = nonces();
  // Not taking turns: connectors may keep what they are given.
  let plain: Buffer | undefined;
  let filled = 0;
  let n = 0;
  const open = (into: Buffer, chunk: Uint8Array, isLast: boolean): void => {
    n += 1;
    const isEmpty = chunk.byteLength === TAG_BYTES && n > 1;
    if (isEmpty || !openInto(into, filled, chunk, secret, nonce(isLast))) {
      throw new DecryptionFault(`is changed or cut in its chunk ${n} of 64 KiB`);
    }
    filled += chunk.byteLength - TAG_BYTES;
  };
  for await (const piece of sealed) {
    for (const chunk of chunks.cut(piece)) {
      plain ??= Buffer.allocUnsafeSlow(CHUNKS_A_PIECE * CHUNK);
      open(plain, chunk, false);
      if (filled < plain.byteLength) continue;
      yield plain;
      plain = undefined;
      filled = 0;
    }
  }
  const last = chunks.last();
  plain ??= Buffer.allocUnsafeSlow(last.byteLength);
  open(plain, last, true);
  if (filled > 0) yield plain.subarray(0, filled);
}

/** The nonces in their order: 11 bytes of number, and a byte that is 1 for the last chunk. */
function nonces(): (isLast: boolean) => Uint8Array {
  const nonce = Buffer.alloc(12);
  let n = 0;
  return (isLast) => {
    // 2^48 chunks are 16 EiB; the five bytes before these stay 0.
    nonce.writeUIntBE(n, 5, 6);
    nonce[11] = isLast ? 1 : 0;
    n += 1;
    return nonce;
  };
}
