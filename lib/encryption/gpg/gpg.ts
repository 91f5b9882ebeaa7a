import type { Bytes } from "../../bytes.ts";
import { secretOf } from "../../config/secret-fields.ts";
import { EncryptionError } from "../../errors.ts";
import type { Exit } from "../../process.ts";
import type { EncryptionKind } from "../encryption.ts";
import { gpgDecryption } from "./decrypt.ts";
import { type GpgHome, gpgHome } from "./home.ts";
import type { GpgOptions } from "./options.ts";
import { importPublicKeys } from "./public-keys.ts";

export const gpg: EncryptionKind<GpgOptions> = {
  async encryption(options, { signal }) {
    const home = await gpgHome(signal);
    try {
      const recipients = await importPublicKeys(home, options);
      return {
        type: "gpg",
        recipients,
        isFor: async (others) => JSON.stringify([...others].sort()) === JSON.stringify(recipients),
        encrypt: (plain) => encrypt(home, plain, recipients),
        restoreCommand: (stored, plain) => `gpg --output ${plain} --decrypt ${stored}`,
        close: () => home.close(),
      };
    } catch (error) {
      await home.close();
      throw error;
    }
  },

  async privateKeys(options, { secrets }) {
    const [key, passphrase] = [secretOf(options, "private_key"), secretOf(options, "private_key_passphrase")];
    if (key === undefined) return undefined;
    return {
      key: await secrets.resolve(key),
      passphrase: passphrase && (await secrets.resolve(passphrase)),
      source: "the private_key of encryption",
    };
  },

  async decryption(keys, { signal }) {
    if (keys.key?.includes("-----BEGIN PGP PRIVATE KEY BLOCK-----") !== true) return undefined;
    return gpgDecryption(keys.key, keys, signal);
  },
};

function encrypt(home: GpgHome, plain: Bytes, recipients: readonly string[]): Bytes {
  const args = [
    "--no-autostart",
    // The configuration is what says whom to trust.
    ...["--trust-model", "always", "--no-auto-key-locate"],
    // What can be compressed is.
    ...["--compress-algo", "none"],
    // No name, and not the moment's either, in what is encrypted.
    ...["--set-filename", ""],
    ...recipients.flatMap((fingerprint) => ["--recipient", fingerprint]),
    "--encrypt",
  ];
  return home.output(args, { stdin: plain, judge });
}

function judge(exit: Exit): void {
  if (exit.code === 0 && exit.stderr.includes("[GNUPG:] END_ENCRYPTION")) return;
  const words = exit.stderr.split("\n").filter((line) => line.startsWith("gpg: "));
  throw new EncryptionError("ENCRYPTION_FAILED", `${words.at(-1) ?? "gpg: failed"} (exit code ${exit.code})`);
}
