import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { DecryptionFault } from "../encryption.ts";
import { derivedKey, unwrapKey, wrapKey } from "./aead.ts";
import { base64Bytes, base64Text } from "./base64.ts";
import { bech32Decode, bech32Encode } from "./bech32.ts";
import type { Stanza } from "./header.ts";

const INFO = "age-encryption.org/v1/X25519";
const KEY_BYTES = 32;
const WRAPPED_BYTES = 32;
/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const PUBLIC_DER = Buffer.from("302a300506032b656e032100", "hex");
const PRIVATE_DER = Buffer.from("302e020100300506032b656e04220420", "hex");

export interface X25519Identity {
  /** `age1…` */
  readonly recipient: string;
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
}

/** The 32 bytes of `age1…`; undefined for anything else. */
export const x25519PublicKey = (text: string): Uint8Array | undefined => decoded(text, "age");

/** Undefined for anything but `AGE-SECRET-KEY-1…`. */
export function x25519Identity(text: string): X25519Identity | undefined {
  const secret = decoded(text, "age-secret-key-");
  if (secret === undefined) return undefined;
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_DER, secret]), format: "der", type: "pkcs8" });
  const publicKey = rawPublicKey(createPublicKey(key));
  return { recipient: bech32Encode("age", publicKey), key, publicKey };
}

function decoded(text: string, prefix: string): Uint8Array | undefined {
  const key = bech32Decode(text);
  return key?.prefix === prefix && key.bytes.byteLength === KEY_BYTES ? key.bytes : undefined;
}

/** @throws DecryptionFault for a public key of low order, which everyone could read */
export function wrapForX25519(fileKey: Uint8Array, publicKey: Uint8Array): Stanza {
  const ephemeral = generateKeyPairSync("x25519");
  const share = rawPublicKey(ephemeral.publicKey);
  const secret = sharedSecret(ephemeral.privateKey, publicKey);
  const wrappingKey = derivedKey(secret, Buffer.concat([share, publicKey]), INFO);
  return { type: "X25519", args: [base64Text(share)], body: wrapKey(wrappingKey, fileKey) };
}

/** Undefined when the stanza is not for this identity. @throws DecryptionFault for a stanza that is wrong in itself */
export function unwrapX25519(stanza: Stanza, identity: X25519Identity): Uint8Array | undefined {
  if (stanza.type !== "X25519") return undefined;
  const share = stanza.args.length === 1 ? base64Bytes(stanza.args[0] ?? "") : undefined;
  if (share?.byteLength !== KEY_BYTES || stanza.body.byteLength !== WRAPPED_BYTES) {
    throw new DecryptionFault("has an X25519 recipient that is wrong in itself");
  }
  const secret = sharedSecret(identity.key, share);
  return unwrapKey(derivedKey(secret, Buffer.concat([share, identity.publicKey]), INFO), stanza.body);
}

function sharedSecret(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_DER, publicKey]), format: "der", type: "spki" });
  try {
    return diffieHellman({ privateKey, publicKey: key });
  } catch (error) {
    // OpenSSL refuses the secret that is all zero.
    throw new DecryptionFault("has an X25519 recipient of low order", { cause: error });
  }
}

const rawPublicKey = (key: KeyObject): Uint8Array =>
  key.export({ format: "der", type: "spki" }).subarray(PUBLIC_DER.byteLength);
