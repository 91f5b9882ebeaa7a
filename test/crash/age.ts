import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from "node:crypto";

/**
 * For scenarios with `encryption: { type: age }`. What is judged is opened here, with nothing of lib/: as
 * https://age-encryption.org/v1 says, for one X25519 recipient.
 */
export const AGE_RECIPIENT = "age1zwlyl6h27gzv0lfntr7fcqrjrzqazap8sy5zylkxwneh7llf0dksu37mwt";
export const AGE_IDENTITY = "AGE-SECRET-KEY-1QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSKMP32K";

const KEY_BYTES = 32;
const TAG_BYTES = 16;
const CHUNK_BYTES = 64 * 1024;
const STANZA = /^age-encryption\.org\/v1\n-> X25519 (\S{43})\n(\S{43})\n--- \S{43}\n/;
const PRIVATE_DER = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_DER = Buffer.from("302a300506032b656e032100", "hex");

const privateKey = createPrivateKey({
  key: Buffer.concat([PRIVATE_DER, Buffer.alloc(KEY_BYTES, 7)]),
  format: "der",
  type: "pkcs8",
});
const ownShare = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(PUBLIC_DER.byteLength);

/** The whole content; undefined for what is not whole, or not for that recipient. */
export function openedAge(content: Uint8Array): Buffer | undefined {
  const stanza = STANZA.exec(Buffer.from(content.subarray(0, 1_000)).toString("latin1"));
  const [header = "", share = "", wrapped = ""] = stanza ?? [];
  if (stanza === null) return undefined;
  try {
    const fileKey = opened(wrappingKey(Buffer.from(share, "base64")), Buffer.alloc(12), Buffer.from(wrapped, "base64"));
    const body = content.subarray(header.length);
    return openedPayload(derived(fileKey, body.subarray(0, 16), "payload"), body.subarray(16));
  } catch {
    return undefined;
  }
}

function openedPayload(key: Buffer, sealed: Uint8Array): Buffer {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < sealed.byteLength; offset += CHUNK_BYTES + TAG_BYTES) {
    const chunk = sealed.subarray(offset, offset + CHUNK_BYTES + TAG_BYTES);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(chunks.length, 7);
    nonce[11] = offset + chunk.byteLength === sealed.byteLength ? 1 : 0;
    chunks.push(opened(key, nonce, chunk));
  }
  if (chunks.length === 0) throw new Error("it has no last chunk");
  return Buffer.concat(chunks);
}

function wrappingKey(share: Buffer): Buffer {
  const publicKey: KeyObject = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, share]),
    format: "der",
    type: "spki",
  });
  const secret = diffieHellman({ privateKey, publicKey });
  return derived(secret, Buffer.concat([share, ownShare]), "age-encryption.org/v1/X25519");
}

const derived = (secret: Uint8Array, salt: Uint8Array, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, salt, info, KEY_BYTES));

/** @throws Error for what is not authentic */
function opened(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer {
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final()]);
}
