import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Why tests with gpg are skipped here, in one line; false when they run. In CI they run, or fail. */
export function gpgMissing(): string | false {
  if (spawnSync("gpg", ["--version"]).error === undefined) return false;
  if (process.env.CI === "true") throw new Error("gpg is not installed");
  return "gpg is not installed";
}

export interface GpgKey {
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface TestKeyring extends Disposable {
  /** A key that encrypts, or one that only signs; `expires` as gpg reads it: `never`, `seconds=1`. */
  make(name: string, options?: { passphrase?: string; signOnly?: boolean; expires?: string }): GpgKey;
  revoke(key: GpgKey): GpgKey;
  /** What gpg makes of `input`. @throws with what it says when it ends otherwise than with 0 */
  run(args: readonly string[], input?: Uint8Array | string): Buffer;
  readonly home: string;
}

/** A keyring of a person, apart from those that we make. */
export function aKeyring(): TestKeyring {
  const home = mkdtempSync(join(tmpdir(), "gpg-test-"));
  const options = { env: { ...process.env, GNUPGHOME: home }, maxBuffer: 256 * 1024 * 1024 };
  const run = (args: readonly string[], input: Uint8Array | string = "") =>
    execFileSync("gpg", ["--batch", "--no-tty", "--pinentry-mode", "loopback", ...args], {
      ...options,
      input,
      stdio: ["pipe", "pipe", "pipe"],
    });
  const exported = (fingerprint: string, passphrase: string): GpgKey => ({
    fingerprint,
    publicKey: String(run(["--armor", "--export", fingerprint])),
    privateKey: String(run(["--armor", "--passphrase", passphrase, "--export-secret-keys", fingerprint])),
  });
  return {
    home,
    run,
    make(name, { passphrase = "", signOnly = false, expires = "never" } = {}) {
      const common = ["--passphrase", passphrase, "--status-fd", "1"];
      const [algorithm, usage] = signOnly ? ["ed25519", "sign"] : ["future-default", "default"];
      const said = String(
        run([...common, "--quick-gen-key", `${name} <${name}@example.com>`, algorithm, usage, expires]),
      );
      const [, fingerprint = ""] = /KEY_CREATED \w ([0-9A-F]{40})/.exec(said) ?? [];
      return exported(fingerprint, passphrase);
    },
    revoke(key) {
      const path = join(home, "openpgp-revocs.d", `${key.fingerprint}.rev`);
      // gpg puts a colon before the armor, so that no certificate is imported by mistake.
      run(["--import"], execFileSync("sed", ["s/^:-----BEGIN/-----BEGIN/", path]));
      return { ...key, publicKey: String(run(["--armor", "--export", key.fingerprint])) };
    },
    [Symbol.dispose]() {
      spawnSync("gpgconf", ["--kill", "all"], options);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
