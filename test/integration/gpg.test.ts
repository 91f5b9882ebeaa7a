import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { bytesOf, readAll, rechunk } from "../../lib/bytes.ts";
import { openDecryption, openEncryption } from "../../lib/encryption/all.ts";
import { type Decryption, DecryptionFault, type Encryption } from "../../lib/encryption/encryption.ts";
import { ConfigError, EncryptionError } from "../../lib/errors.ts";
import { failingAfter, oddPieces, pattern, patternBytes, sha256, watched } from "../support/bytes.ts";
import { aKeyring, type GpgKey, gpgMissing, type TestKeyring } from "../support/gpg-program.ts";

const LIMIT = 64 * 1024 * 1024;
const PASSPHRASE = "a passphrase of gpg, ünïcödé";

describe("gpg", { skip: gpgMissing() }, () => {
  let ring: TestKeyring;
  let one: GpgKey;
  let two: GpgKey;
  before(() => {
    ring = aKeyring();
    one = ring.make("one");
    two = ring.make("two", { passphrase: PASSPHRASE });
  });
  after(() => ring[Symbol.dispose]());

  test("what we encrypt, the real gpg decrypts, and what it encrypts we do, whatever its length", async () => {
    await using encryption = await encryptionFor([one.publicKey]);
    await using decryption = await decryptionWith(one.privateKey);
    for (const size of [0, 1, 65_536, 1_048_577, 3_000_000]) {
      const plain = Buffer.from(patternBytes(size));
      const ours = await readAll(encryption.encrypt(oddPieces(plain)), LIMIT);
      assert.deepEqual(ring.run(["--decrypt"], ours), plain, String(size));
      const theirs = ring.run(["--trust-model", "always", "-r", one.fingerprint, "--encrypt"], plain);
      assert.deepEqual(Buffer.from(await readAll(decryption.decrypt(oddPieces(theirs)), LIMIT)), plain, String(size));
    }
  });

  test("a long stream whose buffers take turns arrives as it was", async () => {
    await using encryption = await encryptionFor([one.publicKey]);
    await using decryption = await decryptionWith(one.privateKey);
    const size = 24_000_001;
    const through = decryption.decrypt(encryption.encrypt(rechunk(pattern(size))));
    assert.equal(sha256(await readAll(through, LIMIT)), sha256(patternBytes(size)));
  });

  test("each of several recipients decrypts by itself, one of them with a passphrase, and nobody else", async () => {
    await using encryption = await encryptionFor([one.publicKey, two.publicKey]);
    assert.deepEqual(encryption.recipients, [one.fingerprint, two.fingerprint].sort());
    const sealed = await readAll(encryption.encrypt(bytesOf("for two")), LIMIT);
    await using first = await decryptionWith(one.privateKey);
    await using second = await decryptionWith(two.privateKey, PASSPHRASE);
    for (const decryption of [first, second]) {
      assert.equal(String(Buffer.from(await readAll(decryption.decrypt(bytesOf(sealed)), LIMIT))), "for two");
    }
    await using stranger = await decryptionWith(ring.make("stranger").privateKey);
    for (const decryption of [
      stranger,
      await decryptionWith(two.privateKey, "wrong"),
      await decryptionWith(two.privateKey),
    ]) {
      await assert.rejects(
        readAll(decryption.decrypt(bytesOf(sealed)), LIMIT),
        (error) => error instanceof EncryptionError && error.code === "SEALED",
      );
      await decryption.close();
    }
  });

  test("keys that cannot encrypt are told before a run, each with its fingerprint and the reason", async () => {
    const expired = ring.make("expired", { expires: "seconds=1" });
    const revoked = ring.revoke(ring.make("revoked"));
    const signing = ring.make("signing", { signOnly: true });
    while (!/^pub:e/m.test(String(ring.run(["--with-colons", "--list-keys", expired.fingerprint])))) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const keys = [one, expired, revoked, signing].map(({ publicKey }) => publicKey);
    await assert.rejects(encryptionFor(keys), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, new RegExp(`${expired.fingerprint} \\(expired <expired@example.com>\\) has expired`));
      assert.match(error.message, new RegExp(`${revoked.fingerprint} \\(revoked.*\\) is revoked`));
      assert.match(error.message, new RegExp(`${signing.fingerprint} \\(signing.*\\) cannot encrypt`));
      assert.ok(!error.message.includes(one.fingerprint));
      return true;
    });
  });

  test("a file of keys is taken whole, armored or not; a private key in it is refused", async () => {
    const both = ring.run(["--export", one.fingerprint, two.fingerprint]);
    const file = join(ring.home, "keys.gpg");
    writeFileSync(file, both);
    const encryption = await openEncryption({ type: "gpg", public_keys_file: file }, context());
    await encryption.close();
    assert.equal(encryption.recipients.length, 2);
    writeFileSync(file, ring.run(["--export-secret-keys", one.fingerprint]));
    await assert.rejects(openEncryption({ type: "gpg", public_keys_file: file }, context()), /holds a private key/);
    writeFileSync(file, "nothing of the kind");
    await assert.rejects(openEncryption({ type: "gpg", public_keys_file: file }, context()), /no public key/);
  });

  test("one flipped bit, a cut end and bytes that never were encrypted are refused", async () => {
    await using encryption = await encryptionFor([one.publicKey]);
    await using decryption = await decryptionWith(one.privateKey);
    const sealed = await readAll(encryption.encrypt(bytesOf(patternBytes(100_000))), LIMIT);
    const refused = (changed: Uint8Array, what: string) =>
      assert.rejects(
        readAll(decryption.decrypt(bytesOf(changed)), LIMIT),
        (error) => error instanceof DecryptionFault || (error instanceof EncryptionError && error.code === "SEALED"),
        what,
      );
    for (let place = 0; place < sealed.byteLength; place += place < 300 ? 23 : 9_973) {
      const changed = Uint8Array.from(sealed);
      changed[place] = (changed[place] ?? 0) ^ 16;
      await refused(changed, `byte ${place}`);
    }
    for (const length of [0, 1, 200, sealed.byteLength - 1])
      await refused(sealed.subarray(0, length), `cut to ${length}`);
    await refused(ring.run(["--store"], "stored, never encrypted"), "a literal message");
    await refused(Buffer.from("plain text"), "plain text");
  });

  test("a gpg that cannot start its agent has not found the key missing", async () => {
    const sealed = ring.run(["--trust-model", "always", "-r", one.fingerprint, "--encrypt"], patternBytes(10_000));
    const before = scratchFolders();
    await using decryption = await decryptionWith(one.privateKey);
    const made = scratchFolders().find((folder) => !before.includes(folder)) ?? "";
    const gpgconf = (...args: string[]) =>
      execFileSync("gpgconf", args, { env: { ...process.env, GNUPGHOME: join(tmpdir(), made) }, encoding: "utf8" });
    gpgconf("--kill", "gpg-agent");
    const socket = gpgconf("--list-dirs", "agent-socket").trim();
    rmSync(socket, { force: true });
    mkdirSync(join(socket, "in the way"), { recursive: true });
    try {
      await assert.rejects(
        readAll(decryption.decrypt(bytesOf(sealed)), LIMIT),
        (error) =>
          error instanceof EncryptionError && error.code === "ENCRYPTION_FAILED" && /agent/.test(error.message),
      );
    } finally {
      rmSync(socket, { recursive: true });
    }
  });

  test("a source that fails fails the stream, and stopping early lets go of it", async () => {
    await using encryption = await encryptionFor([one.publicKey]);
    const error = new Error("the dump died");
    await assert.rejects(
      readAll(encryption.encrypt(failingAfter(300_000, error)), LIMIT),
      (thrown) => thrown === error,
    );
    const plain = watched(pattern(50_000_000));
    for await (const _ of encryption.encrypt(plain.bytes)) break;
    assert.ok(plain.state.released);
  });

  test("keys and agents are gone after closing, and no secret is in an argument or in the environment", async () => {
    const sealed = ring.run(["--trust-model", "always", "-r", two.fingerprint, "--encrypt"], patternBytes(5_000_000));
    const decryption = await decryptionWith(two.privateKey, PASSPHRASE);
    const folders = scratchFolders();
    assert.notDeepEqual(folders, []);
    const seen: string[] = [];
    for await (const _ of decryption.decrypt(bytesOf(sealed))) if (seen.length < 5) seen.push(processesOf(folders));
    for (const what of ["--passphrase-fd", "gpg-agent"])
      assert.ok(
        seen.some((text) => text.includes(what)),
        `${what} was seen while it ran`,
      );
    const secretLine = two.privateKey.split("\n")[4] ?? "";
    for (const text of seen) assert.ok(!text.includes(PASSPHRASE) && !text.includes(secretLine));
    await decryption.close();
    assert.deepEqual(scratchFolders(), []);
    while (processesOf(folders) !== "") await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test("a machine without gpg says so", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      await assert.rejects(
        encryptionFor([one.publicKey]),
        (error) => error instanceof ConfigError && /needs the program gpg, which is not installed/.test(error.message),
      );
    } finally {
      process.env.PATH = path;
    }
  });
});

const context = () => ({
  secrets: { resolve: () => Promise.reject(new Error("no secret is needed")) },
  signal: new AbortController().signal,
});

async function encryptionFor(keys: string[]): Promise<Encryption & AsyncDisposable> {
  const encryption = await openEncryption({ type: "gpg", public_keys: keys }, context());
  return { ...encryption, [Symbol.asyncDispose]: () => encryption.close() };
}

async function decryptionWith(key: string, passphrase?: string): Promise<Decryption & AsyncDisposable> {
  const decryption = await openDecryption("gpg", undefined, { key, passphrase, source: "the test" }, context());
  assert.ok(decryption !== undefined);
  return { ...decryption, [Symbol.asyncDispose]: () => decryption.close() };
}

/** Arguments and environment of every process that was told one of these folders: others may run gpg at the same time. */
function processesOf(folders: readonly string[]): string {
  const texts = readdirSync("/proc").map((name) => {
    if (!/^\d+$/.test(name)) return "";
    try {
      return ["cmdline", "environ"].map((file) => readFileSync(`/proc/${name}/${file}`, "latin1")).join("\0");
    } catch {
      return "";
    }
  });
  return texts.filter((text) => folders.some((folder) => text.includes(folder))).join("\n");
}
const scratchFolders = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("core-backup-gpg-") && name.includes(`-${process.pid}-`));
