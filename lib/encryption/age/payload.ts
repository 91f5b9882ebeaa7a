import { type Bytes, rechunk } from "../../bytes.ts";
import { DecryptionFault } from "../encryption.ts";
import { openInto, sealInto, TAG_BYTES } from "./aead.ts";

/**
 * The STREAM construction of age: chunks of 64 KiB, each with a tag, numbered in the nonce, the last one marked. So no
 * chunk can be changed, left out, added or moved, nor the end be cut off.
 */

const CHUNK = 64 * 1024;
const SEALED_CHUNK = CHUNK + TAG_BYTES;
/** So many chunks pass as one piece: what comes before and after works at half speed on smaller ones. */
const CHUNKS_A_PIECE = 16;

export async function* sealPayload(plain: Bytes, key: Uint8Array): Bytes {
  const chunks = chunkCounter();
  const seal = (piece: Uint8Array, isLast: boolean): Uint8Array => {
    const sealed = Buffer.allocUnsafeSlow(CHUNKS_A_PIECE * SEALED_CHUNK);
    let filled = 0;
    let offset = 0;
    do {
      const chunk = piece.subarray(offset, offset + CHUNK);
      offset += CHUNK;
      sealInto(sealed, filled, chunk, key, chunks(isLast && offset >= piece.byteLength));
      filled += chunk.byteLength + TAG_BYTES;
    } while (offset < piece.byteLength);
    return sealed.subarray(0, filled);
  };
  for await (const { piece, isLast } of withEnd(rechunk(plain, CHUNKS_A_PIECE * CHUNK))) yield seal(piece, isLast);
}

/** @throws DecryptionFault when anything is changed, missing or too much; nothing unauthenticated comes out before that */
export async function* openPayload(sealed: Bytes, key: Uint8Array): Bytes {
  const chunks = chunkCounter();
  let n = 0;
  const open = (piece: Uint8Array, isLast: boolean): Uint8Array => {
    const plain = Buffer.allocUnsafeSlow(CHUNKS_A_PIECE * CHUNK);
    let filled = 0;
    for (let offset = 0; offset < piece.byteLength || n === 0; offset += SEALED_CHUNK) {
      const chunk = piece.subarray(offset, offset + SEALED_CHUNK);
      const isEmpty = chunk.byteLength === TAG_BYTES && n > 0;
      n += 1;
      if (isEmpty || !openInto(plain, filled, chunk, key, chunks(isLast && offset + SEALED_CHUNK >= piece.byteLength)))
        throw new DecryptionFault(`is changed or cut in its chunk ${n} of 64 KiB`);
      filled += chunk.byteLength - TAG_BYTES;
    }
    return plain.subarray(0, filled);
  };
  for await (const { piece, isLast } of withEnd(rechunk(sealed, CHUNKS_A_PIECE * SEALED_CHUNK))) {
    const plain = open(piece, isLast);
    if (plain.byteLength > 0) yield plain;
  }
}

/** Says of each piece whether it is the last; of an empty stream the last piece is empty. */
async function* withEnd(pieces: Bytes): AsyncIterable<{ readonly piece: Uint8Array; readonly isLast: boolean }> {
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held !== undefined) yield { piece: held, isLast: false };
    held = piece;
  }
  yield { piece: held ?? new Uint8Array(0), isLast: true };
}

/** The nonces in their order: 11 bytes of number, and a byte that is 1 for the last chunk. */
function chunkCounter(): (isLast: boolean) => Uint8Array {
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
