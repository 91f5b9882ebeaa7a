import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { aKeyring, type GpgKey, gpgMissing, type TestKeyring } from "../../support/gpg-program.ts";
import { paths } from "../core-backup.ts";
import { assertDamageIsTold, assertRestored, encryptedJob, proofOf, snapshotOf } from "./encrypted-job.ts";

const PASSPHRASE = "Canary-gpg-passphrase-77";

describe("encryption with gpg", { skip: gpgMissing() }, () => {
  let ring: TestKeyring;
  let one: GpgKey;
  let two: GpgKey;
  before(() => {
    ring = aKeyring();
    one = ring.make("one");
    two = ring.make("two", { passphrase: PASSPHRASE });
  });
  after(() => ring[Symbol.dispose]());

  const keys = "type: gpg\npublic_keys_file: keys.asc";

  test("a run encrypts for both keys, proves with the private one and its passphrase, and tells neither", async (t) => {
    const env = { PRIVATE: two.privateKey, PASSPHRASE };
    const encryption = `${keys}\nprivate_key_env: PRIVATE\nprivate_key_passphrase_env: PASSPHRASE`;
    const job = await encryptedJob(t, encryption, env);
    await writeFile(join(job.folder, "keys.asc"), one.publicKey + two.publicKey);
    const ran = await job.ask(["run", "--verbose"], 0);
    const { folder, manifest, artifact } = await snapshotOf(job);
    assert.ok(artifact.endsWith(".tar.zst.gpg"), artifact);
    assert.equal(await proofOf(folder), "read");
    const recipients = [one.fingerprint, two.fingerprint].sort();
    assert.deepEqual(manifest.units[0]?.artifacts[0]?.encryption, { type: "gpg", recipients });
    const to = join(job.folder, "restored");
    const restored = await job.ask(["restore", "--job", "docs", "--to", to, "--verbose"], 0);
    await assertRestored(job, to);
    for (const text of [ran, restored].flatMap(({ stdout, stderr }) => [stdout, stderr])) {
      assert.ok(!text.includes(PASSPHRASE) && !text.includes("PRIVATE KEY"));
    }
    assert.ok(!JSON.stringify(manifest).includes(PASSPHRASE));
  });

  test("gpg, zstd and tar alone restore it, by a pipe and by the manifest's own command", async (t) => {
    const job = await encryptedJob(t, keys);
    await writeFile(join(job.folder, "keys.asc"), one.publicKey);
    await job.ask(["run"], 0);
    const { folder, manifest, artifact } = await snapshotOf(job);
    const env = { ...process.env, GNUPGHOME: ring.home };
    const piped = join(job.folder, "piped");
    const pipe = `mkdir ${piped} && gpg --batch -d ${join(folder, artifact)} | zstd -d | tar -x -C ${piped}`;
    execFileSync("bash", ["-o", "pipefail", "-c", pipe], { env, stdio: "pipe" });
    await assertRestored(job, piped);
    const command = manifest.units[0]?.artifacts[0]?.restore ?? "";
    assert.match(command, /^gpg --output \S+\.tar\.zst --decrypt \S+\.tar\.zst\.gpg && zstd -d \S+ && tar /);
    const copied = join(job.folder, "copied");
    execFileSync("cp", ["-r", join(folder, artifact, ".."), copied]);
    execFileSync("sh", ["-ec", command], { cwd: copied, env, stdio: "pipe" });
    await assertRestored(job, copied);
  });

  test("without a private key it is sealed; given by hand, with its passphrase, it is proved and restored", async (t) => {
    const job = await encryptedJob(t, keys);
    await writeFile(join(job.folder, "keys.asc"), two.publicKey);
    await job.ask(["run"], 0);
    assert.equal(await proofOf((await snapshotOf(job)).folder), "sealed");
    const [identity, passphrase] = [join(job.folder, "private.asc"), join(job.folder, "passphrase.txt")];
    await writeFile(identity, two.privateKey);
    await writeFile(passphrase, `${PASSPHRASE}\n`);
    const to = join(job.folder, "restored");
    const without = await job.ask(["restore", "--job", "docs", "--to", to, "--identity-file", identity], 1);
    assert.match(without.stderr, /the passphrase does not open the private key/);
    const hands = ["--identity-file", identity, "--passphrase-file", passphrase];
    assert.match((await job.ask(["verify", "--prove", ...hands], 0)).stdout, /1 proved\n$/);
    await job.ask(["restore", "--job", "docs", "--to", to, ...hands], 0);
    await assertRestored(job, to);
  });

  test("without a private key, too, what is not what was stored is told by its checksum", async (t) => {
    const job = await encryptedJob(t, keys);
    await writeFile(join(job.folder, "keys.asc"), one.publicKey);
    await job.ask(["run"], 0);
    await assertDamageIsTold(job);
  });

  test("one flipped bit, or an end that is cut off, is refused and named", async (t) => {
    const job = await encryptedJob(t, `${keys}\nprivate_key_env: PRIVATE`, { PRIVATE: one.privateKey });
    await writeFile(join(job.folder, "keys.asc"), one.publicKey);
    await job.ask(["run"], 0);
    const { folder, artifact } = await snapshotOf(job);
    const path = join(folder, artifact);
    const whole = await readFile(path);
    const changed = [5, whole.byteLength - 1, whole.byteLength >> 1].map((place) => {
      const copy = Buffer.from(whole);
      copy[place] = (copy[place] ?? 0) ^ 4;
      return copy;
    });
    for (const [n, content] of [...changed, whole.subarray(0, -1)].entries()) {
      await writeFile(path, content);
      const to = join(job.folder, `restored-${n}`);
      const ended = await job.ask(["restore", "--job", "docs", "--to", to], 1);
      assert.ok(ended.stderr.includes(artifact), ended.stderr);
      assert.deepEqual(await paths(to), []);
      assert.match((await job.ask(["verify", "--prove"], 1)).stdout, /INTEGRITY_MISMATCH/);
    }
  });

  test("a private key that opens nothing is told before anything is stored: another's, a wrong passphrase or none, no part that decrypts", async (t) => {
    const withPassphrase = `${keys}\nprivate_key_env: PRIVATE\nprivate_key_passphrase_env: PASSPHRASE`;
    const primaryAlone = String(ring.run(["--armor", "--export-secret-keys", `${one.fingerprint}!`]));
    for (const [encryption, env, told] of [
      [
        `${keys}\nprivate_key_env: PRIVATE`,
        { PRIVATE: ring.make("stranger").privateKey },
        /belongs to none of its recip/,
      ],
      [
        withPassphrase,
        { PRIVATE: two.privateKey, PASSPHRASE: `${PASSPHRASE}x` },
        /passphrase does not open the private/,
      ],
      [
        `${keys}\nprivate_key_env: PRIVATE`,
        { PRIVATE: two.privateKey },
        /the passphrase does not open the private key/,
      ],
      [`${keys}\nprivate_key_env: PRIVATE`, { PRIVATE: primaryAlone }, /is encrypted for none of the keys at hand/],
    ] as const) {
      const job = await encryptedJob(t, encryption, env);
      await writeFile(join(job.folder, "keys.asc"), one.publicKey + two.publicKey);
      const ended = await job.ask(["run"], 2);
      assert.match(ended.stderr, /job docs: the private key under encryption /);
      assert.match(ended.stderr, told);
      assert.ok(!ended.stderr.includes(PASSPHRASE));
      assert.deepEqual(
        (await paths(job.backups)).filter((path) => path.includes("docs")),
        ["docs", "docs/.lease"],
      );
    }
  });

  test("a key that cannot encrypt ends the run before anything is stored, with exit code 2", async (t) => {
    const signing = ring.make("signing", { signOnly: true });
    const job = await encryptedJob(t, keys);
    await writeFile(join(job.folder, "keys.asc"), one.publicKey + signing.publicKey);
    const ended = await job.ask(["run"], 2);
    assert.match(ended.stderr, new RegExp(`${signing.fingerprint} .* cannot encrypt`));
    // Who worked on the job is all that is told.
    assert.deepEqual(
      (await paths(job.backups)).filter((path) => path.includes("docs")),
      ["docs", "docs/.lease"],
    );
  });
});
