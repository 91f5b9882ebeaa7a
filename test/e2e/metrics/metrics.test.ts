import assert from "node:assert/strict";
import { appendFile, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startRecordingServer } from "../../support/recording-server.ts";
import { startSilentServer } from "../../support/silent-server.ts";
import { coreBackup, document, type Ended, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

/** For what a busy machine is late. */
const BUSY_MS = 30_000;

interface RunDocument {
  readonly runs: readonly {
    readonly status: string;
    readonly warnings: readonly { readonly code: string; readonly message: string }[];
  }[];
  readonly metrics?: readonly { readonly output: string; readonly ok: boolean }[];
}

const documentOf = (ran: Ended) => document(ran) as RunDocument;

test("runs leave a file for node_exporter that counts on", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const folder = join(job.folder, "textfiles");
  await mkdir(folder);
  await appendFile(job.config, `metrics:\n  labels: { site: fra }\n  textfile: { folder: "${folder}" }\n`);
  const run = () => coreBackup(["run", "--json", "--config", job.config]);
  const first = await run();
  assert.equal(first.code, 0, JSON.stringify(first));
  assert.deepEqual(documentOf(first).metrics, [{ output: "textfile", ok: true, attempts: 1 }]);
  await rename(job.source, `${job.source}-gone`);
  assert.equal((await run()).code, 1);
  assert.deepEqual(await readdir(folder), ["core_backup_docs.prom"]);
  const text = await readFile(join(folder, "core_backup_docs.prom"), "utf8");
  assert.match(text, /^core_backup_runs_total\{site="fra",backup_job="docs",status="ok"\} 1$/m);
  assert.match(text, /^core_backup_runs_total\{site="fra",backup_job="docs",status="failed"\} 1$/m);
  assert.match(text, /^core_backup_errors_total\{site="fra",backup_job="docs",code="SOURCE_NOT_FOUND"\} 1$/m);
  assert.match(text, /^core_backup_last_good_snapshot_timestamp_seconds\{site="fra",backup_job="docs"\} 1\d{9}$/m);
});

test("a Pushgateway that answers 500, and one that hangs: the backup is good within their time, and its manifest has the warning", async (t) => {
  await using broken = await startRecordingServer(() => ({ status: 500, body: "inconsistent" }));
  await using silent = await startSilentServer();
  for (const [url, timeout, why] of [
    // Room for a first answer on a busy machine.
    [broken.url, "8s", /^metrics pushgateway: 127\.0\.0\.1:\d+ answers 500: inconsistent$/],
    [`http://127.0.0.1:${silent.port}`, "1s", /^metrics pushgateway: did not answer within 0\.5 s$/],
  ] as const) {
    const job = await filesJob(await temporaryFolder(t));
    await appendFile(
      job.config,
      `metrics:\n  pushgateway: { url: "${url}", username: me, password_env: PUSH, timeout: ${timeout} }\n`,
    );
    const env = { PUSH: "canary-push-4716" };
    const ran = await coreBackup(["run", "--json", "--config", job.config], { env });
    assert.equal(ran.code, 0, JSON.stringify(ran));
    const [manifest] = documentOf(ran).runs;
    assert.equal(manifest?.status, "ok");
    assert.deepEqual(
      manifest.warnings.map(({ code }) => code),
      ["METRICS_UNREACHABLE"],
    );
    assert.match(manifest.warnings[0]?.message ?? "", why);
    assert.equal(documentOf(ran).metrics?.[0]?.ok, false);
    assert.ok(!`${ran.stdout}${ran.stderr}`.includes("canary"));
    const text = await coreBackup(["run", "--config", job.config], { env });
    assert.equal(text.code, 0, JSON.stringify(text));
    assert.match(text.stdout, /\nmetrics could not be given to:\n {2}pushgateway: METRICS_UNREACHABLE: /);
  }
  const stayed = await silent.stayed();
  assert.ok(stayed.length > 0, "nobody came in");
  for (const ms of stayed) assert.ok(ms < 1_000 + BUSY_MS, `${ms} ms`);
});

test("a folder for metrics that is not there: the backup is good, with a warning", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  await appendFile(job.config, `metrics:\n  textfile: { folder: "${join(job.folder, "nowhere")}", timeout: 1s }\n`);
  const ran = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal(ran.code, 0, JSON.stringify(ran));
  const [manifest] = documentOf(ran).runs;
  assert.equal(manifest?.status, "ok");
  assert.deepEqual(
    manifest.warnings.map(({ code, message }) => [code, message.replace(/'.*/, "")]),
    [["METRICS_UNREACHABLE", "metrics textfile: metrics cannot be written: ENOENT: no such file or directory, open "]],
  );
});
