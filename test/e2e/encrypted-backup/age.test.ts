import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ageKey, ageMissing, withTypedPassphrase } from "../../support/age-program.ts";
import { document, paths } from "../core-backup.ts";
import { assertDamageIsTold, assertRestored, encryptedJob, proofOf, snapshotOf } from "./encrypted-job.ts";

describe("encryption with age", { skip: ageMissing() }, () => {
  test("with the identity at hand a run proves what it encrypted, and restores it", async (t) => {
    const [one, two] = [ageKey(), ageKey()];
    const encryption = `type: age\nrecipients: [${one.recipient}, ${two.recipient}]\nidentity_env: AGE_IDENTITY`;
    const job = await encryptedJob(t, encryption, { AGE_IDENTITY: two.secret });
    await job.ask(["run"], 0);
    const { folder, manifest, artifact } = await snapshotOf(job);
    assert.ok(artifact.endsWith(".tar.zst.age"), artifact);
    assert.deepEqual(manifest.units[0]?.artifacts[0]?.encryption, {
      type: "age",
      recipients: [one.recipient, two.recipient].sort(),
    });
    assert.equal(await proofOf(folder), "read");
    const to = join(job.folder, "restored");
    await job.ask(["restore", "--job", "docs", "--to", to], 0);
    await assertRestored(job, to);
  });

  test("age, zstd and tar alone restore it, by a pipe and by the manifest's own command", async (t) => {
    const key = ageKey();
    const job = await encryptedJob(t, `type: age\nrecipients_file: recipients.txt`);
    await writeFile(join(job.folder, "recipients.txt"), `# operations\n${key.recipient}\n`);
    await job.ask(["run"], 0);
    const { folder, manifest, artifact } = await snapshotOf(job);
    const identity = join(job.folder, "KEY");
    await writeFile(identity, key.text);
    execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder });

    const piped = join(job.folder, "piped");
    const pipe = `mkdir ${piped} && age -d -i ${identity} ${join(folder, artifact)} | zstd -d | tar -x -C ${piped}`;
    execFileSync("bash", ["-o", "pipefail", "-c", pipe], { stdio: "pipe" });
    await assertRestored(job, piped);

    const command = manifest.units[0]?.artifacts[0]?.restore ?? "";
    assert.match(command, /^age -d -i KEY -o \S+\.tar\.zst \S+\.tar\.zst\.age && zstd -d \S+ && tar /);
    const copied = join(job.folder, "copied");
    execFileSync("cp", ["-r", join(folder, artifact, ".."), copied]);
    execFileSync("sh", ["-ec", command.replace("-i KEY", `-i ${identity}`)], { cwd: copied, stdio: "pipe" });
    await assertRestored(job, copied);
  });

  test("without a private key what is stored is sealed, and good; a key given by hand proves and restores it", async (t) => {
    const key = ageKey();
    const job = await encryptedJob(t, `type: age\nrecipients: [${key.recipient}]`);
    const ran = await job.ask(["run"], 0);
    assert.match(ran.stdout, /\bok +1 .* sealed\n/);
    const { folder } = await snapshotOf(job);
    assert.equal(await proofOf(folder), "sealed");
    assert.match((await job.ask(["list"], 0)).stdout, /yes, 0\/1 proved, 1 sealed/);
    assert.match((await job.ask(["verify"], 0)).stdout, /: ok, 1 artifact read in .*, 0 proved, 1 sealed\n$/);

    const cannot = await job.ask(["verify", "--prove"], 1);
    assert.match(cannot.stdout, /not proved, but sealed: no private key of age is at hand; give --identity-file/);
    const to = join(job.folder, "restored");
    const refused = await job.ask(["restore", "--job", "docs", "--to", to], 1);
    assert.match(refused.stderr, /is encrypted, and no private key of age is at hand; give --identity-file/);
    assert.deepEqual(await paths(to), []);

    const [identity, other] = [join(job.folder, "identity.txt"), join(job.folder, "other.txt")];
    await writeFile(identity, key.text);
    await writeFile(other, ageKey().text);
    const wrong = await job.ask(["verify", "--prove", "--identity-file", other], 1);
    assert.match(wrong.stdout, /sealed: none of the private keys at hand opens it/);
    const notRestored = await job.ask(["restore", "--job", "docs", "--to", to, "--identity-file", other], 1);
    assert.match(notRestored.stderr, /is encrypted for none of the keys at hand/);

    const proved = await job.ask(["verify", "--prove", "--identity-file", identity], 0);
    assert.match(proved.stdout, /1 proved\n$/);
    assert.match((await job.ask(["verify", "--prove"], 0)).stdout, /1 proved\n$/, "what was proved stays proved");
    await job.ask(["restore", "--job", "docs", "--to", to, "--identity-file", identity], 0);
    await assertRestored(job, to);
  });

  test("without a private key, too, what is not what was stored is told by its checksum", async (t) => {
    const job = await encryptedJob(t, `type: age\nrecipients: [${ageKey().recipient}]`);
    await job.ask(["run"], 0);
    await assertDamageIsTold(job);
  });

  test("a passphrase encrypts, proves and restores, here and typed into age", async (t) => {
    const passphrase = "seven sparrows sit still";
    const job = await encryptedJob(t, "type: age\npassphrase_file: passphrase.txt");
    await writeFile(join(job.folder, "passphrase.txt"), `${passphrase}\n`);
    await job.ask(["run"], 0);
    const { folder, manifest, artifact } = await snapshotOf(job);
    assert.equal(await proofOf(folder), "read");
    assert.match(manifest.units[0]?.artifacts[0]?.encryption?.recipients[0] ?? "", /^scrypt:/);
    const opened = join(job.folder, "opened.tar.zst");
    withTypedPassphrase(["age", "-d", "-o", opened, join(folder, artifact)], passphrase);
    execFileSync("zstd", ["-q", "--test", opened]);
    const to = join(job.folder, "restored");
    await job.ask(["restore", "--job", "docs", "--to", to], 0);
    await assertRestored(job, to);
  });

  test("one flipped bit, or an end that is cut off, is refused and named", async (t) => {
    const key = ageKey();
    const job = await encryptedJob(t, `type: age\nrecipients: [${key.recipient}]\nidentity_env: K`, { K: key.secret });
    await writeFile(join(job.source, "large"), Buffer.alloc(300_000, "not the same as before "));
    await job.ask(["run"], 0);
    const { folder, artifact } = await snapshotOf(job);
    const path = join(folder, artifact);
    const whole = await readFile(path);
    for (const damage of [10, whole.byteLength - 1, whole.byteLength >> 1]) {
      const changed = Buffer.from(whole);
      changed[damage] = (changed[damage] ?? 0) ^ 4;
      await writeFile(path, changed);
      const to = join(job.folder, `restored-${damage}`);
      const ended = await job.ask(["restore", "--job", "docs", "--to", to], 1);
      assert.ok(ended.stderr.includes(artifact), ended.stderr);
      assert.deepEqual(await paths(to), []);
    }
    await writeFile(path, whole.subarray(0, whole.byteLength - 16));
    await job.ask(["restore", "--job", "docs", "--to", join(job.folder, "cut")], 1);
    assert.match((await job.ask(["verify", "--prove"], 1)).stdout, /INTEGRITY_MISMATCH: .* bytes instead of/);
  });

  test("a private key that belongs to none of the recipients is refused before anything is stored", async (t) => {
    const [key, other] = [ageKey(), ageKey()];
    const encryption = `type: age\nrecipients: [${key.recipient}]\nidentity_env: K`;
    const job = await encryptedJob(t, encryption, { K: other.secret });
    const planned = await job.ask(["plan"], 2);
    assert.match(planned.stderr, /job docs: the private key under encryption belongs to none of its recipients/);
    await job.ask(["run"], 2);
    // Who worked on the job is all that is told.
    assert.deepEqual(
      (await paths(job.backups)).filter((path) => path.includes("docs")),
      ["docs", "docs/.lease"],
    );
  });

  test("neither passphrase nor identity appears in anything that is printed or stored", async (t) => {
    const key = ageKey();
    const passphrase = "Canary-passphrase-8f1d";
    for (const [encryption, env] of [
      [`type: age\nrecipients: [${key.recipient}]\nidentity_env: CANARY`, { CANARY: key.text }],
      ["type: age\npassphrase_env: CANARY", { CANARY: passphrase }],
    ] as const) {
      const job = await encryptedJob(t, encryption, env);
      const to = join(job.folder, "restored");
      const said: string[] = [];
      for (const args of [
        ["run", "--verbose"],
        ["list", "--json"],
        ["show", "--job", "docs", "--json"],
        ["verify", "--prove", "--json", "--verbose"],
        ["restore", "--job", "docs", "--to", to, "--log", "json", "--verbose"],
        ["plan", "--json"],
      ]) {
        const ended = await job.ask(args, 0);
        said.push(ended.stdout, ended.stderr);
      }
      for (const path of await paths(job.backups)) {
        const whole = join(job.backups, path);
        if (await isFile(whole)) said.push((await readFile(whole)).toString("latin1"));
      }
      for (const text of said) {
        assert.ok(!text.includes(passphrase) && !text.includes(key.secret), "a secret was told");
      }
    }
  });

  test("with --json the sealed state is one document like any other", async (t) => {
    const key = ageKey();
    const job = await encryptedJob(t, `type: age\nrecipients: [${key.recipient}]`);
    await job.ask(["run"], 0);
    const listed = document(await job.ask(["list", "--json"], 0));
    assert.deepEqual(
      Array.isArray(listed) && listed.map(({ verified, proved, sealed }) => ({ verified, proved, sealed })),
      [{ verified: true, proved: 0, sealed: 1 }],
    );
  });
});

const isFile = async (path: string): Promise<boolean> => (await readdir(path).catch(() => undefined)) === undefined;
