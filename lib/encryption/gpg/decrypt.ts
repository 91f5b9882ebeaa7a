import { type Bytes, rechunk } from "../../bytes.ts";
import { ConfigError, EncryptionError } from "../../errors.ts";
import { type Exit, ProgramFailedError } from "../../process.ts";
import { type Decryption, DecryptionFault, type PrivateKeys } from "../encryption.ts";
import { type GpgHome, gpgHome } from "./home.ts";
import { importedKeys } from "./imported-keys.ts";

const LOOPBACK = ["--pinentry-mode", "loopback"];

/**
 * Keeps the private key in a folder of its own, in the agent's form and under the passphrase that it has, until it is closed.
 * @throws ConfigError when gpg is missing or does not take the key
 */
export async function gpgDecryption(
  key: string,
  { passphrase, source }: PrivateKeys,
  signal: AbortSignal,
): Promise<Decryption> {
  if (passphrase !== undefined && /[\r\n]/.test(passphrase)) {
    throw new ConfigError("the passphrase of a private key of gpg must be one line", { code: "SECRET_MISSING" });
  }
  const home = await gpgHome(signal);
  try {
    const own = new Set(await importPrivateKey(home, key, source));
    return {
      knows: (recipients) => recipients.filter((one) => own.has(one)),
      decrypt: (stored) => decrypt(home, stored, passphrase),
      close: () => home.close(),
    };
  } catch (error) {
    await home.close();
    throw error;
  }
}

async function importPrivateKey(home: GpgHome, key: string, source: string): Promise<readonly string[]> {
  try {
    const said = await home.text([...LOOPBACK, "--status-fd", "1", "--import"], key);
    const own = importedKeys(said).filter(({ isPrivate }) => isPrivate);
    if (own.length > 0) return own.map(({ fingerprint }) => fingerprint);
  } catch (error) {
    // Without the cause, whose message may quote the key.
    if (!(error instanceof ProgramFailedError)) throw error;
  }
  throw new ConfigError(`${source} holds no private key that gpg can import`, { code: "SECRET_MISSING" });
}

async function* decrypt(home: GpgHome, stored: Bytes, passphrase: string | undefined): Bytes {
  // A pipe has many small pieces on their way at a time, which `Decryption` says are not to be read for so long.
  const message = rechunk(stored);
  if (passphrase === undefined) {
    yield* home.output([...LOOPBACK, "--decrypt"], { stdin: message, judge });
    return;
  }
  // gpg reads the first line, and not a byte more, before it reads the message from the same place.
  const stdin = behind(`${passphrase}\n`, message);
  yield* home.output([...LOOPBACK, "--passphrase-fd", "0", "--decrypt"], { stdin, judge });
}

async function* behind(line: string, rest: Bytes): Bytes {
  yield Buffer.from(line);
  yield* rest;
}

/** Of libgpg-error; the bits above say which program found it. */
const CODE_MASK = 0xffff;
const BAD_PASSPHRASE = 11;
/** What a changed message is answered with: a checksum, a cipher or an algorithm that is none, a number or a key that does not fit. */
const CHANGED = new Set([4, 10, 12, 18, 30]);

/** Exit code 0 alone would do for a message that never was encrypted. */
function judge(exit: Exit): void {
  const said = (word: string) => exit.stderr.includes(`[GNUPG:] ${word}`);
  if (exit.code === 0 && said("DECRYPTION_OKAY")) return;
  if (exit.signal !== null) throw new ProgramFailedError("gpg", exit);
  const isOpened = said("DECRYPTION_KEY");
  const [, failure] = /^\[GNUPG:\] ERROR pkdecrypt_failed (\d+)/m.exec(exit.stderr) ?? [];
  const code = failure === undefined ? undefined : Number(failure) & CODE_MASK;
  // Without its agent gpg takes every private key for missing.
  const isUnable = /^gpg: (can't connect to the agent|no gpg-agent running)/m.exec(exit.stderr) !== null;
  if (!isOpened && (isUnable || (code !== undefined && code !== BAD_PASSPHRASE && !CHANGED.has(code))))
    throw new EncryptionError("ENCRYPTION_FAILED", `could not be decrypted here: ${lastWords(exit)}`);
  if (!isOpened && (said("NEED_PASSPHRASE") || code === BAD_PASSPHRASE)) {
    throw new EncryptionError("SEALED", "is encrypted, and the passphrase does not open the private key");
  }
  if (!isOpened && said("NO_SECKEY")) {
    throw new EncryptionError("SEALED", "is encrypted for none of the keys at hand");
  }
  const cause = new ProgramFailedError("gpg", exit);
  throw new DecryptionFault("does not decrypt: it is changed, cut, or no message of OpenPGP", { cause });
}

const lastWords = ({ stderr }: Exit): string =>
  /^gpg: (can't connect to the agent.*|public key decryption failed.*)/m.exec(stderr)?.[0] ?? "gpg failed";
