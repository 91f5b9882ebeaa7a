import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

test("a unit whose source is gone leaves the others whole: partial, exit code 1, the failure with its code", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const yaml = await readFile(job.config, "utf8");
  await writeFile(job.config, yaml.replace(`[${job.source}]`, `[${job.source}, ${join(job.folder, "gone")}]`));

  const ran = await coreBackup(["run", "--config", job.config]);
  assert.equal(ran.code, 1, JSON.stringify(ran));
  assertPlain(ran);
  assert.match(ran.stdout, /^docs {2}partial\n/);
  assert.match(ran.stdout, /gone +failed +0 +- +0\.0 s +-\n/);
  assert.match(ran.stdout, /source +ok +1 /);
  assert.match(ran.stdout, /\nfailures:\n {2}docs \S*gone: SOURCE_NOT_FOUND: /);
  const listed = document(await coreBackup(["list", "--json", "--config", job.config]));
  assert.match(JSON.stringify(listed), /"status":"partial"/);

  const to = join(job.folder, "restored");
  const restored = await coreBackup(["restore", "--job", "docs", "--to", to, "--config", job.config]);
  assert.equal(restored.code, 1, "what is not whole is not restored in silence");
  assert.match(
    restored.stdout,
    /restored \d+ path.*\n[\s\S]*not whole, since the backup was not:\n {2}\S*gone: SOURCE_NOT_FOUND/,
  );
});

test("a job that stores nothing is failed, and another job is not touched by it", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const yaml = await readFile(job.config, "utf8");
  const second = `  - name: gone\n    service: filesystem\n    target_storage: local\n    options:\n      paths: [${join(job.folder, "gone")}]\n`;
  await writeFile(job.config, yaml.replace("storage:\n", `${second}storage:\n`));
  const ran = await coreBackup(["run", "--config", job.config]);
  assert.equal(ran.code, 1, JSON.stringify(ran));
  assert.match(ran.stdout, /^docs {2}ok\n/);
  assert.match(ran.stdout, /^gone {2}failed\n/m);
  assert.equal((await coreBackup(["run", "--job", "docs", "--config", job.config])).code, 0);
  const alone = document(await coreBackup(["run", "--job", "gone", "--json", "--config", job.config]));
  assert.match(JSON.stringify(alone), /^\{"status":"failed"/);
});

test("a storage that cannot be used fails each command with its code, and nothing is left behind", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const yaml = await readFile(job.config, "utf8");
  // On the root file system, where nothing may ever be written to it.
  const backups = "/core-backup-e2e-nothing-is-mounted-here";
  await writeFile(
    job.config,
    yaml.replace(`type: filesystem, base_path: ${job.backups}`, `type: nfs, base_path: ${backups}`),
  );
  const ran = await coreBackup(["run", "--config", job.config]);
  assert.equal(ran.code, 1, JSON.stringify(ran));
  assert.match(ran.stdout, /^docs {2}failed\n\nfailures:\n {2}docs: STORAGE_NOT_MOUNTED: /);
  assertPlain(ran);
  for (const command of ["list", "plan", "verify", "prune"]) {
    const ended = await coreBackup([command, "--config", job.config]);
    assert.deepEqual([ended.code, ended.stdout], [1, ""], command);
    assert.match(ended.stderr, /^error: docs: nothing is mounted at .* code=STORAGE_NOT_MOUNTED\n$/);
    const asDocument = JSON.stringify(document(await coreBackup([command, "--json", "--config", job.config])));
    assert.match(asDocument, /\{"job":"docs","error":\{"code":"STORAGE_NOT_MOUNTED"/);
  }
  assert.deepEqual(await paths(backups), []);
});
