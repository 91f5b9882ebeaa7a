import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject } from "node:crypto";

const CIPHER = "chacha20-poly1305";
export const TAG_BYTES = 16;
/** Right where a key is used once. */
const ZERO_NONCE = new Uint8Array(12);

/** A key of 32 bytes, by HKDF with SHA-256. */
export function derivedKey(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, salt, info, 32));
}

/** A file key under a wrapping key that wraps nothing else. */
export function wrapKey(wrappingKey: Uint8Array, fileKey: Uint8Array): Uint8Array {
  const sealed = Buffer.alloc(fileKey.byteLength + TAG_BYTES);
  sealInto(sealed, 0, fileKey, wrappingKey, ZERO_NONCE);
  return sealed;
}

/** Undefined when it was wrapped with another key. */
export function unwrapKey(wrappingKey: Uint8Array, body: Uint8Array): Uint8Array | undefined {
  const fileKey = Buffer.alloc(body.byteLength - TAG_BYTES);
  return openInto(fileKey, 0, body, wrappingKey, ZERO_NONCE) ? fileKey : undefined;
}

/** Puts the encrypted bytes and their tag at `offset` of `target`, and answers how many they are. */
export function sealInto(
  target: Buffer,
  offset: number,
  plain: Uint8Array,
  key: Uint8Array | KeyObject,
  nonce: Uint8Array,
): number {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  moveInto(target, offset, cipher.update(plain));
  cipher.final();
  target.set(cipher.getAuthTag(), offset + plain.byteLength);
  return plain.byteLength + TAG_BYTES;
}

/** Puts the plain bytes at `offset` of `target`. False when they are not authentic: then what lies there is worth nothing. */
export function openInto(
  target: Buffer,
  offset: number,
  sealed: Uint8Array,
  key: Uint8Array | KeyObject,
  nonce: Uint8Array,
): boolean {
  const end = sealed.byteLength - TAG_BYTES;
  if (end < 0) return false;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  moveInto(target, offset, decipher.update(sealed.subarray(0, end)));
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/**
 * Node gives each result in memory of its own, which the garbage collector frees some thousand chunks later, at a third of
 * the processor's time. Detached, it is free at once and serves the next chunk.
 */
function moveInto(
  target: Buffer,
  offset: number,
  { buffer, byteOffset, byteLength }: NodeJS.NonSharedUint8Array,
): void {
  target.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
  if (byteLength === buffer.byteLength) buffer.transfer(0);
}
