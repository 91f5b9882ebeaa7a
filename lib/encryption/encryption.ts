import type { Bytes } from "../bytes.ts";
import type { SecretResolver } from "../secrets/secrets.ts";

export type EncryptionType = "age" | "gpg";

/** The ending that an encrypted artifact's name gets. */
export const encryptionExtension = (type: EncryptionType): string => `.${type}`;

/** What artifacts are encrypted with. Needs public keys alone, or a passphrase. */
export interface Encryption {
  readonly type: EncryptionType;
  /** Public fingerprints of who can read it: what the manifest says. */
  readonly recipients: readonly string[];
  /** Whether what was encrypted for these recipients (of this type) is what would be encrypted now. */
  isFor(recipients: readonly string[]): Promise<boolean>;
  /** Encrypts, in bounded memory. The stream ends only when all of it is encrypted. @throws EncryptionError */
  encrypt(plain: Bytes): Bytes;
  /** The shell command that decrypts a stored file, both names being words of a shell. */
  restoreCommand(stored: string, plain: string): string;
  close(): Promise<void>;
}

/** Private keys, or passphrases, that are at hand. */
export interface Decryption {
  /**
   * Of these recipients, those that the keys at hand belong to; undefined where that shows only when decrypting.
   * Used to tell a wrong key before a run.
   */
  knows(recipients: readonly string[]): readonly string[] | undefined;
  /**
   * The end of the stream comes only when all of it is authentic, so what is made from it must wait for that. A piece of
   * `stored` is not changed, and read no more once the next but one is asked for.
   * @throws EncryptionError `SEALED` when none of the keys opens it, DecryptionFault when the bytes are not what was made
   */
  decrypt(stored: Bytes): Bytes;
  close(): Promise<void>;
}

/** The private side, as text. `source` names it in errors, never what it holds. */
export interface PrivateKeys {
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly source: string;
}

export interface EncryptionContext {
  readonly secrets: SecretResolver;
  readonly signal: AbortSignal;
}

/** A kind of encryption: one line in `all.ts`. */
export interface EncryptionKind<Options> {
  /** Reads and checks the public side. @throws ConfigError naming the key that cannot be used */
  encryption(options: Options, context: EncryptionContext): Promise<Encryption>;
  /** The private side that the options refer to; undefined when they refer to none. @throws ConfigError `SECRET_MISSING` */
  privateKeys(options: Options, context: EncryptionContext): Promise<PrivateKeys | undefined>;
  /** Undefined when `keys` are of another kind. @throws ConfigError for keys that are damaged */
  decryption(keys: PrivateKeys, context: EncryptionContext): Promise<Decryption | undefined>;
}

/** What a document begins with that `encrypt_manifest` sealed, in whatever version; and in this one. */
export const SEALED = "core-backup sealed document ";
export const SEALED_DOCUMENT = `${SEALED}1\n`;

/** Encrypted bytes that were cut, changed, or never were what their name says. Whoever knows the artifact names it. */
export class DecryptionFault extends Error {}
Object.defineProperty(DecryptionFault.prototype, "name", { value: "DecryptionFault", enumerable: false });
