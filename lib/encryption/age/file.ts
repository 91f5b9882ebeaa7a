import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Bytes } from "../../bytes.ts";
import { EncryptionError } from "../../errors.ts";
import { DecryptionFault } from "../encryption.ts";
import { derivedKey } from "./aead.ts";
import { base64Text } from "./base64.ts";
import { NONCE_BYTES, readFileStart } from "./file-start.ts";
import { headerText, type Stanza } from "./header.ts";
import { openPayload, sealPayload } from "./payload.ts";

/** Makes one recipient's stanza of a file key. */
export type Wrap = (fileKey: Uint8Array) => Stanza | Promise<Stanza>;
/** The file key of one stanza; undefined when that is for somebody else. @throws DecryptionFault for one that is wrong in itself */
export type Unwrap = (stanza: Stanza) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

const FILE_KEY_BYTES = 16;
const NO_SALT = new Uint8Array(0);

/** A file of age, version 1 (https://c2sp.org/age). */
export async function* sealFile(plain: Bytes, recipients: readonly Wrap[]): Bytes {
  const iterator = plain[Symbol.asyncIterator]();
  try {
    const fileKey = randomBytes(FILE_KEY_BYTES);
    const stanzas: Stanza[] = [];
    for (const wrap of recipients) stanzas.push(await wrap(fileKey));
    const covered = headerText(stanzas);
    const nonce = randomBytes(NONCE_BYTES);
    yield Buffer.concat([Buffer.from(`${covered} ${base64Text(macOf(fileKey, Buffer.from(covered)))}\n`), nonce]);
    yield* sealPayload({ [Symbol.asyncIterator]: () => iterator }, derivedKey(fileKey, nonce, "payload"));
  } finally {
    // Also where it ends before the payload was asked for.
    await iterator.return?.();
  }
}

/** @throws EncryptionError `SEALED` when no stanza can be unwrapped, DecryptionFault when the file is not what was made */
export async function* openFile(sealed: Bytes, identities: readonly Unwrap[]): Bytes {
  const { header, nonce, payload, release } = await readFileStart(sealed);
  try {
    const fileKey = await unwrapped(header.stanzas, identities);
    if (fileKey === undefined) throw new EncryptionError("SEALED", "is encrypted for none of the keys at hand");
    if (!timingSafeEqual(macOf(fileKey, header.covered), header.mac)) throw new DecryptionFault("has a changed header");
    yield* openPayload(payload, derivedKey(fileKey, nonce, "payload"));
  } finally {
    await release();
  }
}

async function unwrapped(stanzas: readonly Stanza[], identities: readonly Unwrap[]): Promise<Uint8Array | undefined> {
  if (stanzas.length > 1 && stanzas.some(({ type }) => type === "scrypt")) {
    throw new DecryptionFault("has a passphrase beside other recipients");
  }
  for (const unwrap of identities) {
    for (const stanza of stanzas) {
      const fileKey = await unwrap(stanza);
      if (fileKey !== undefined) return fileKey;
    }
  }
  return undefined;
}

const macOf = (fileKey: Uint8Array, covered: Uint8Array): Buffer =>
  createHmac("sha256", derivedKey(fileKey, NO_SALT, "header"))
    .update(covered)
    .digest();
