import { randomBytes, scrypt } from "node:crypto";
import { DecryptionFault } from "../encryption.ts";
import { unwrapKey, wrapKey } from "./aead.ts";
import { base64Bytes, base64Text } from "./base64.ts";
import type { Stanza } from "./header.ts";

const LABEL = "age-encryption.org/v1/scrypt";
const SALT_BYTES = 16;
const WRAPPED_BYTES = 32;
/** As `age` itself: about a second, and 256 MiB while it lasts. */
const WORK_FACTOR = 18;
/** What a file may ask for: a changed header must not take all memory. 20 takes 1 GiB. */
const MAX_WORK_FACTOR = 20;

/** Turns are taken: side by side, a few of them would take gigabytes. */
let queue: Promise<unknown> = Promise.resolve();

export async function wrapForPassphrase(fileKey: Uint8Array, passphrase: string): Promise<Stanza> {
  const salt = randomBytes(SALT_BYTES);
  const wrappingKey = await passphraseKey(passphrase, LABEL, salt, WORK_FACTOR);
  return { type: "scrypt", args: [base64Text(salt), String(WORK_FACTOR)], body: wrapKey(wrappingKey, fileKey) };
}

/** Undefined when it is another passphrase's. @throws DecryptionFault for a stanza that is wrong in itself */
export async function unwrapScrypt(stanza: Stanza, passphrase: string): Promise<Uint8Array | undefined> {
  if (stanza.type !== "scrypt") return undefined;
  const [saltText = "-", work = ""] = stanza.args;
  const salt = base64Bytes(saltText);
  const isRight = stanza.args.length === 2 && /^[1-9]\d?$/.test(work) && stanza.body.byteLength === WRAPPED_BYTES;
  if (salt?.byteLength !== SALT_BYTES || !isRight) {
    throw new DecryptionFault("has a passphrase recipient that is wrong in itself");
  }
  if (Number(work) > MAX_WORK_FACTOR) throw new DecryptionFault(`asks for more work than 2^${MAX_WORK_FACTOR}`);
  return unwrapKey(await passphraseKey(passphrase, LABEL, salt, Number(work)), stanza.body);
}

/**
 * What tells two passphrases apart in a manifest, at the same cost for who guesses as the encrypted file itself has.
 * `salt` is base64.
 */
export async function passphraseFingerprint(passphrase: string, salt: string): Promise<string> {
  const key = await passphraseKey(
    passphrase,
    "core-backup/passphrase-fingerprint",
    Buffer.from(salt, "base64"),
    WORK_FACTOR,
  );
  return `scrypt:${salt}:${base64Text(key.subarray(0, 16))}`;
}

export const newFingerprintSalt = (): string => base64Text(randomBytes(SALT_BYTES));

async function passphraseKey(
  passphrase: string,
  label: string,
  salt: Uint8Array,
  workFactor: number,
): Promise<Uint8Array> {
  const options = { N: 2 ** workFactor, r: 8, p: 1, maxmem: 2 ** (workFactor + 10) + 2 ** 20 };
  const derive = () =>
    new Promise<Uint8Array>((resolve, reject) => {
      scrypt(passphrase, Buffer.concat([Buffer.from(label), salt]), 32, options, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  const turn = queue.then(derive);
  queue = turn.catch(() => {});
  return turn;
}
