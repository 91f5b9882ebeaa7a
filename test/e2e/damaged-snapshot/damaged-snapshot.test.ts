import assert from "node:assert/strict";
import { readFile, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

const harms: { readonly what: string; readonly harm: (file: string) => Promise<void>; readonly named: RegExp }[] = [
  {
    what: "one bit flipped in an artifact",
    named: /files\.tar\S*: INTEGRITY_MISMATCH/,
    async harm(file) {
      const bytes = await readFile(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(file, bytes);
    },
  },
  { what: "an artifact cut short", named: /files\.tar\S*: INTEGRITY_MISMATCH/, harm: (file) => truncate(file, 20) },
  { what: "an artifact deleted", named: /files\.tar\S*: INTEGRITY_MISSING/, harm: (file) => unlink(file) },
];

for (const { what, harm, named } of harms) {
  test(`${what} is named by verify with exit code 1, and restore refuses it`, async (t) => {
    const job = await filesJob(await temporaryFolder(t));
    await coreBackup(["run", "--config", job.config]);
    const artifact = (await paths(job.backups)).find((path) => /files\.tar[^/]*$/.test(path)) ?? "";
    await harm(join(job.backups, artifact));

    const verified = await coreBackup(["verify", "--config", job.config]);
    assert.equal(verified.code, 1, JSON.stringify(verified));
    assert.match(verified.stdout, named);
    assert.match(verified.stdout, /: 1 fault, 1 artifact read/);
    assertPlain(verified);
    const asDocument = await coreBackup(["verify", "--json", "--config", job.config]);
    assert.equal(asDocument.code, 1);
    assert.match(JSON.stringify(document(asDocument)), /"ok":false/);

    const to = join(job.folder, "restored");
    const restored = await coreBackup(["restore", "--job", "docs", "--to", to, "--config", job.config]);
    assert.equal(restored.code, 1, JSON.stringify(restored));
    assert.match(restored.stderr, /files\.tar/);
    assertPlain(restored);
    assert.deepEqual(
      (await paths(to)).filter((path) => path.endsWith(".txt")),
      [],
    );
  });
}

test("an edited manifest is named by verify and list, and is not restored from", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  await coreBackup(["run", "--config", job.config]);
  const manifest = (await paths(job.backups)).find((path) => path.endsWith("manifest.json")) ?? "";
  const text = await readFile(join(job.backups, manifest), "utf8");
  await writeFile(join(job.backups, manifest), text.replace(/"attempts": 1/, '"attempts": 2'));

  const verified = await coreBackup(["verify", "--config", job.config]);
  assert.equal(verified.code, 1, JSON.stringify(verified));
  assert.match(verified.stdout, /INTEGRITY_MANIFEST: manifest\.json/);
  assert.match((await coreBackup(["list", "--config", job.config])).stdout, /damaged .* WRONG /);
  const restored = await coreBackup([
    "restore",
    "--job",
    "docs",
    "--to",
    join(job.folder, "r"),
    "--config",
    job.config,
  ]);
  assert.equal(restored.code, 1, JSON.stringify(restored));
  assert.match(restored.stderr, /manifest\.json/);
});
