import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { textfileOutput } from "../../../lib/metrics/textfile.ts";
import { published } from "../../support/published.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "core-backup-textfile-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;

test("each job has a file that anyone may read, and none that the collector would read half-written", async () => {
  const output = textfileOutput({ folder, timeout: 1_000 });
  await output.publish(published(["docs", "a/b"]), signal);
  assert.deepEqual((await readdir(folder)).sort(), ["core_backup_a%2Fb.prom", "core_backup_docs.prom"]);
  const path = join(folder, "core_backup_docs.prom");
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  const text = await readFile(path, "utf8");
  assert.ok(text.startsWith('# by core-backup, of "/etc/core-backup.yml", job docs\n# HELP core_backup_job_info '));
  assert.match(
    text,
    /^# HELP core_backup_storage_readable 1 if the job's .*\n# TYPE core_backup_storage_readable gauge\ncore_backup_storage_readable\{site="fra",backup_job="docs"\} 1$/m,
  );
});

test("the file of a job that left the configuration goes; those of other configurations and of others stay", async () => {
  const output = textfileOutput({ folder, timeout: 1_000 });
  await writeFile(join(folder, "node.prom"), "up 1\n");
  await writeFile(join(folder, "core_backup_by_hand.prom"), "up 1\n");
  await output.publish(published(["other"], { configFile: "/srv/other.yml" }), signal);
  const unreadable = { ...published(["docs"]), configured: undefined };
  await output.publish(unreadable, signal);
  assert.equal((await readdir(folder)).length, 5, "which jobs there are is not known now");
  await output.publish(published(["docs"]), signal);
  assert.deepEqual((await readdir(folder)).sort(), [
    "core_backup_by_hand.prom",
    "core_backup_docs.prom",
    "core_backup_other.prom",
    "node.prom",
  ]);
});

test("a folder that is not there is an error that names it, and leaves nothing behind", async () => {
  const output = textfileOutput({ folder: join(folder, "missing"), timeout: 1_000 });
  await assert.rejects(output.publish(published(["docs"]), signal), {
    code: "METRICS_UNREACHABLE",
    message: /missing/,
  });
});
