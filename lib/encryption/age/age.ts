import { readFile } from "node:fs/promises";
import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { Decryption, Encryption, EncryptionKind } from "../encryption.ts";
import { openFile, sealFile, type Unwrap, type Wrap } from "./file.ts";
import { identitiesOf } from "./identities.ts";
import type { AgeOptions } from "./options.ts";
import { recipientFault, recipientLines } from "./recipients.ts";
import { newFingerprintSalt, passphraseFingerprint, unwrapScrypt, wrapForPassphrase } from "./scrypt.ts";
import { unwrapX25519, wrapForX25519, x25519PublicKey } from "./x25519.ts";

export const age: EncryptionKind<AgeOptions> = {
  async encryption(options, context) {
    const reference = secretOf(options, "passphrase");
    if (reference !== undefined) return forPassphrase(await context.secrets.resolve(reference));
    return forRecipients(await allRecipients(options));
  },

  async privateKeys(options, { secrets }) {
    const [identity, passphrase] = [secretOf(options, "identity"), secretOf(options, "passphrase")];
    if (identity !== undefined) return { key: await secrets.resolve(identity), source: "the identity of encryption" };
    if (passphrase === undefined) return undefined;
    return { passphrase: await secrets.resolve(passphrase), source: "the passphrase of encryption" };
  },

  async decryption({ key, passphrase, source }): Promise<Decryption | undefined> {
    const identities = key === undefined ? [] : identitiesOf(key, source);
    if (identities === undefined || (key === undefined && passphrase === undefined)) return undefined;
    const unwraps: Unwrap[] = identities.map((identity) => (stanza) => unwrapX25519(stanza, identity));
    if (passphrase !== undefined) unwraps.push((stanza) => unwrapScrypt(stanza, passphrase));
    const own = new Set(identities.map(({ recipient }) => recipient));
    return {
      knows: (recipients) => (passphrase === undefined ? recipients.filter((one) => own.has(one)) : undefined),
      decrypt: (stored) => openFile(stored, unwraps),
      close: async () => {},
    };
  },
};

const common = { type: "age", close: async () => {} } as const;

function forRecipients(recipients: readonly string[]): Encryption {
  const wraps = recipients.map((recipient): Wrap => {
    const publicKey = x25519PublicKey(recipient);
    if (publicKey === undefined) throw new ConfigError(`${recipient} ${recipientFault(recipient)}`);
    return (fileKey) => wrapForX25519(fileKey, publicKey);
  });
  const sorted = [...recipients].sort();
  return {
    ...common,
    recipients: sorted,
    isFor: async (others) => JSON.stringify([...others].sort()) === JSON.stringify(sorted),
    encrypt: (plain) => sealFile(plain, wraps),
    restoreCommand: (stored, plain) => `age -d -i KEY -o ${plain} ${stored}`,
  };
}

async function forPassphrase(passphrase: string): Promise<Encryption> {
  const own = await passphraseFingerprint(passphrase, newFingerprintSalt());
  const known = new Map([[own, true]]);
  return {
    ...common,
    recipients: [own],
    async isFor(others) {
      const [other = "", ...more] = others;
      const salt = /^scrypt:([A-Za-z0-9+/]{22}):/.exec(other)?.[1];
      if (more.length > 0 || salt === undefined) return false;
      const before = known.get(other);
      if (before !== undefined) return before;
      const is = (await passphraseFingerprint(passphrase, salt)) === other;
      known.set(other, is);
      return is;
    },
    encrypt: (plain) => sealFile(plain, [(fileKey) => wrapForPassphrase(fileKey, passphrase)]),
    restoreCommand: (stored, plain) => `age -d -o ${plain} ${stored}`,
  };
}

/** Each once, in the order given. @throws ConfigError naming the file and line of one that is wrong */
async function allRecipients(options: AgeOptions): Promise<readonly string[]> {
  const recipients = new Set(options.recipients);
  const file = options.recipients_file;
  if (file !== undefined) {
    for (const { line, text } of recipientLines(await readRecipients(file))) {
      const fault = recipientFault(text);
      // Not the text: it may be a private key that somebody put there.
      if (fault !== undefined) throw new ConfigError(`${file}:${line}: ${fault}`);
      recipients.add(text);
    }
  }
  if (recipients.size === 0) throw new ConfigError(`${file} holds no recipient`);
  return [...recipients];
}

async function readRecipients(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(`recipients_file ${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}
