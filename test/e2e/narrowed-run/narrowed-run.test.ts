import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { coreBackup, document, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

test("--unit narrows a run, and every command says that its snapshot is not of the whole job", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const other = join(job.folder, "other");
  await mkdir(other);
  await writeFile(join(other, "b.txt"), "b");
  const yaml = await readFile(job.config, "utf8");
  await writeFile(job.config, yaml.replace(`[${job.source}]`, `[${job.source}, ${other}]`));
  const run = (...args: string[]) => coreBackup(["run", ...args, "--config", job.config]);

  const unknown = await run("--job", "docs", "--unit", `${other}s`);
  assert.deepEqual(
    [unknown.code, unknown.stdout.includes(`has no unit ${other}s (did you mean ${other}?)`)],
    [2, true],
  );

  const narrow = await run("--job", "docs", "--unit", join(job.folder, "oth*"));
  assert.equal(narrow.code, 0, JSON.stringify(narrow));
  assert.match(narrow.stdout, /^docs {2}ok, narrowed to \S+oth\*\n/);
  const shown = await coreBackup(["show", "--job", "docs", "--config", job.config]);
  assert.match(shown.stdout, /^docs {2}\S+ {2}ok, narrowed to /);
  const listed = await coreBackup(["list", "--config", job.config]);
  assert.match(listed.stdout, / ok +1 \(narrowed\) /);
  const [entry] = document(await coreBackup(["list", "--json", "--config", job.config])) as { only?: string[] }[];
  assert.deepEqual(entry?.only, [join(job.folder, "oth*")]);
  assert.equal((await coreBackup(["watch", "--config", job.config])).stdout.includes("never run"), false);

  const to = join(job.folder, "restored");
  const whole = await coreBackup(["restore", "--job", "docs", "--to", to, "--config", job.config]);
  assert.deepEqual([whole.code, /has no whole snapshot/.test(whole.stderr)], [2, true], JSON.stringify(whole));
  const one = await coreBackup(["restore", "--job", "docs", "--unit", other, "--to", to, "--config", job.config]);
  assert.equal(one.code, 0, JSON.stringify(one));
});

test("--unit without one job is a wrong command line", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const yaml = await readFile(job.config, "utf8");
  const second = `  - { name: more, service: filesystem, target_storage: local, options: { paths: [${job.source}] } }\n`;
  await writeFile(job.config, yaml.replace("storage:\n", `${second}storage:\n`));
  const ran = await coreBackup(["run", "--unit", "x", "--config", job.config]);
  assert.deepEqual(
    [ran.code, ran.stderr],
    [2, "core-backup: --unit narrows the run of one job: name it with --job; there are docs, more\n"],
  );
});
