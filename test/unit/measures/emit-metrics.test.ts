import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { bytesOf } from "../../../lib/bytes.ts";
import { MetricsError, SourceError, StorageError } from "../../../lib/errors.ts";
import { leaseKey } from "../../../lib/keys.ts";
import { leaseBytes } from "../../../lib/lease/lease-document.ts";
import { emitMetrics, measuredRuns } from "../../../lib/measures/emit-metrics.ts";
import { checkMetrics } from "../../../lib/measures/metrics-checks.ts";
import { metricsPage } from "../../../lib/measures/metrics-page.ts";
import { readCounts } from "../../../lib/measures/run-counts.ts";
import { measureRun } from "../../../lib/measures/run-measures.ts";
import type { Published } from "../../../lib/metrics/metrics.ts";
import { eachLimited } from "../../../lib/pool.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { aLease } from "../../support/a-lease.ts";
import { collectedMetrics } from "../../support/collected-metrics.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";
import { secondsTaken } from "../../support/seconds-taken.ts";

const forbidden = () => new SourceError("SOURCE_FORBIDDEN", "no right to read it");

/** A backup that gives its metrics to memory, and a source that fails while `source.bad`. */
function setting() {
  const source = { bad: false };
  const units = (): readonly ScriptedUnit[] => [
    { id: "good", items: { "g.json": "g".repeat(1000) } },
    source.bad ? { id: "bad", fails: forbidden } : { id: "bad", items: { "b.json": "b" } },
  ];
  const collected = collectedMetrics();
  const jobs = [aJob({ schedule: "0 3 * * *", compression: { type: "none", level: 0 } })];
  const a = aBackup({ units, jobs, metrics: { labels: {} }, metricsTargets: [collected.target] });
  const run = async () => {
    const result = await runJobs(a.backup, ["docs"]);
    const deliveries = await emitMetrics(a.backup, measuredRuns(result.jobs));
    a.later(86_400);
    return { result, deliveries };
  };
  return { ...a, source, collected, run };
}

const at = (time: string) => Date.parse(time) / 1000;

test("a good run: when it was, what it holds, what it added, and by when the next one is due", async () => {
  const a = setting();
  await a.run();
  assert.deepEqual((await readCounts(a.storage, "docs")).proof, {
    upTo: "2026-11-22T030000Z",
    at: "2026-11-22T03:00:00.000Z",
    snapshot: "2026-11-22T030000Z",
  });
  const values = a.collected.values();
  assert.deepEqual(
    { ...values, "job_info scripted store": undefined },
    {
      ...values,
      "job_info scripted store": undefined,
      storage_readable: 1,
      last_success_timestamp_seconds: at("2026-11-22T03:00:00Z"),
      last_good_snapshot_timestamp_seconds: at("2026-11-22T03:00:00Z"),
      last_proof_timestamp_seconds: at("2026-11-22T03:00:00Z"),
      proof_expected: 1,
      due_timestamp_seconds: at("2026-11-23T15:00:00Z"),
      next_run_timestamp_seconds: at("2026-11-23T03:00:00Z"),
      snapshot_artifacts: 2,
      "snapshot_bytes source": 1001,
      "snapshot_bytes stored": 1001,
      "snapshot_units ok": 2,
      "snapshot_units failed": 0,
      "last_run_status ok": 1,
      "last_run_status failed": 0,
      "runs_total ok": 1,
      "runs_total partial": 0,
      "collected_bytes_total source": 1001,
      removed_snapshots_total: 0,
    },
  );
  assert.deepEqual(
    a.collected.published.at(-1)?.jobs[0]?.trace?.steps.map(({ name }) => name),
    ["plan", "collect", "finish", "verify", "prune"],
  );
});

test("counters go on over runs, which are processes of their own", async () => {
  const a = setting();
  await a.run();
  a.source.bad = true;
  await a.run();
  await a.run();
  const values = a.collected.values();
  assert.equal(values["runs_total ok"], 1);
  assert.equal(values["runs_total partial"], 2);
  assert.equal(values["errors_total SOURCE_FORBIDDEN"], 2);
  assert.equal(values["last_run_status partial"], 1);
  assert.equal(values["snapshot_units failed"], 1);
  assert.equal(values.last_good_snapshot_timestamp_seconds, at("2026-11-22T03:00:00Z"));
  const increments = a.collected.published.at(-1)?.jobs[0]?.increments ?? [];
  assert.ok(
    increments.some(
      ({ name, value, labels }) =>
        name === "core_backup_errors_total" && value === 1 && labels.code === "SOURCE_FORBIDDEN",
    ),
  );
});

test("a run that is stopped once its end was measured counts once", async () => {
  const a = setting();
  const ended = { job: "docs", status: "failed", run: "mine", removed: 0 } as const;
  await emitMetrics(a.backup, [ended]);
  await emitMetrics(a.backup, [{ ...ended, status: "interrupted" }]);
  assert.deepEqual(a.collected.published.at(-1)?.jobs[0]?.increments, []);
  await emitMetrics(a.backup, [{ ...ended, run: "next" }]);
  const values = a.collected.values();
  assert.deepEqual([values["runs_total failed"], values["runs_total interrupted"]], [2, 0]);
});

test("when a run begins it is given away that it does: later than the end before, until it ends", async () => {
  const a = setting();
  await a.run();
  await a.run();
  const begun = a.collected.published[2]?.jobs[0];
  const values = Object.fromEntries((begun?.samples ?? []).map(({ name, value }) => [name, value]));
  assert.equal(values.core_backup_last_run_started_timestamp_seconds, at("2026-11-23T03:00:00Z"));
  assert.equal(values.core_backup_last_run_ended_timestamp_seconds, at("2026-11-22T03:00:00Z"));
  assert.equal(values.core_backup_running, 1);
  assert.equal(values.core_backup_running_since_timestamp_seconds, at("2026-11-23T03:00:00Z"));
  assert.equal(a.collected.values().running, 0);
  assert.equal(a.collected.values().running_since_timestamp_seconds, undefined);
  assert.deepEqual(begun?.increments, []);
  assert.equal(begun?.trace, undefined);
});

test("an output that fails is a warning in the manifest, and the run is as good", async () => {
  const a = setting();
  a.collected.failing.error = new MetricsError("METRICS_REFUSED", "it answers 401");
  const { result, deliveries } = await a.run();
  assert.equal(result.status, "ok");
  assert.deepEqual(result.jobs[0]?.manifest?.warnings, [
    { code: "METRICS_REFUSED", message: "metrics memory: it answers 401" },
  ]);
  assert.deepEqual(
    deliveries.map(({ output, ok, error }) => [output, ok, error?.code]),
    [["memory", false, "METRICS_REFUSED"]],
  );
  a.collected.failing.error = undefined;
  const next = await a.run();
  const messages = next.result.jobs[0]?.manifest?.warnings.map(({ message }) => message);
  assert.deepEqual(messages, [
    "metrics of the run before this could not be given to memory, at 2026-11-22T03:00:00.000Z: it answers 401",
  ]);
  assert.deepEqual((await a.run()).result.jobs[0]?.manifest?.warnings, []);
});

test("an output that hangs is waited for once at the begin of runs, however many jobs there are, and each manifest says so", async (t) => {
  let calls = 0;
  const hang = () => {
    calls += 1;
    return new Promise<void>(() => {});
  };
  const memory = collectedMetrics();
  const hanging = { name: "hanging", timeoutMs: 10_000, open: async () => ({ publish: hang }) };
  const names = Array.from({ length: 8 }, (_, n) => `job ${n}`);
  const { backup } = aBackup({
    jobs: names.map((name) => aJob({ name })),
    metrics: { labels: {} },
    metricsTargets: [memory.target, hanging],
  });
  const checks = checkMetrics(backup, names);
  const messages: string[] = [];
  const seconds = await secondsTaken(t.mock.timers, () =>
    eachLimited(names, 2, async (name) => {
      checks.begun(name, backup.now());
      messages.push(...(await checks.warnings(name)).map(({ message }) => message));
      await checks.settled(name);
    }),
  );
  assert.deepEqual(messages, Array(8).fill("metrics hanging: did not answer within 5 s"));
  assert.equal(calls, 2, "of the two jobs that began first");
  assert.equal(memory.published.length, 8, "others hear of each job");
  assert.ok(seconds < 6, `${seconds} s, of a timeout of 10 s`);
});

test("a storage that is down: the run is told as failed, and nothing that is not known is a number", async () => {
  const a = setting();
  a.backup.storage = async () => {
    throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted on /mnt/nas");
  };
  await a.run();
  const values = a.collected.values();
  assert.equal(values.storage_readable, 0);
  assert.deepEqual(
    new Set(Object.keys(values).map((key) => key.split(" ")[0])),
    new Set(["job_info", "storage_readable", "next_run_timestamp_seconds"]),
  );
  const increments = a.collected.published.at(-1)?.jobs[0]?.increments ?? [];
  assert.deepEqual(
    increments.filter(({ name }) => name === "core_backup_errors_total").map(({ labels }) => labels.code),
    ["STORAGE_NOT_MOUNTED"],
  );
});

test("without metrics in the configuration nothing is counted and nothing is stored", async () => {
  const a = aBackup();
  const { jobs } = await runJobs(a.backup, ["docs"]);
  assert.deepEqual(await emitMetrics(a.backup, measuredRuns(jobs)), []);
  assert.equal(await a.storage.head("docs/.metrics.json"), undefined);
});

test("a run that was refused is counted, and the last run stays the one before", async () => {
  const a = setting();
  await a.run();
  await emitMetrics(a.backup, [{ job: "docs", status: "refused", removed: 0 }]);
  const counts = await readCounts(a.storage, "docs");
  assert.deepEqual(counts.runs, { ok: 1, refused: 1 });
  assert.equal(counts.last?.status, "ok");
});

test("the page holds every job, with the labels of the configuration, escaped", async () => {
  const jobs = [aJob({ name: 'a "quoted" \\ name' }), aJob({ name: "b" })];
  const a = aBackup({ jobs, metrics: { labels: { site: "fra" } } });
  await runJobs(a.backup, ["b"]);
  const page = await metricsPage(a.backup, { memory: new WeakMap(), withinMs: 60_000 });
  assert.match(page, /^core_backup_storage_readable\{site="fra",backup_job="a \\"quoted\\" \\\\ name"\} 1$/m);
  assert.match(page, /^core_backup_snapshot_units\{site="fra",backup_job="b",status="ok"\} 1$/m);
  assert.equal(page.match(/^# TYPE core_backup_storage_readable gauge$/gm)?.length, 1);
  assert.ok(page.endsWith("\n"));
});

test("the page says of a run that goes on anywhere since when it does, until its lease is over", async () => {
  const a = aBackup({ jobs: [aJob({ schedule: "0 3 * * *" })] });
  const running = async () =>
    (await metricsPage(a.backup, { memory: new WeakMap(), withinMs: 60_000 })).match(/^core_backup_running.*$/gm);
  assert.deepEqual(await running(), ['core_backup_running{backup_job="docs"} 0']);
  await a.storage.put(leaseKey("docs"), bytesOf(leaseBytes(aLease(a.backup.now()))));
  const since = `core_backup_running_since_timestamp_seconds{backup_job="docs"} ${at("2026-11-22T03:00:00Z")}`;
  assert.deepEqual(await running(), ['core_backup_running{backup_job="docs"} 1', since]);
  a.later(3600);
  assert.deepEqual(await running(), ['core_backup_running{backup_job="docs"} 0']);
});

test("requests and the quota left are what the facts of units say, but not of units that were not asked for", async () => {
  const units = ["a", "b", "reused", "other"].map((id) => ({ id, items: { "x.json": id } }));
  const a = aBackup({ units: () => units });
  const { jobs } = await runJobs(a.backup, ["docs"]);
  const manifest = jobs[0]?.manifest;
  assert.ok(manifest !== undefined);
  const stats = [
    { requests: 12, remaining: 4_000 },
    { requests: 30, remaining: 3_970 },
    { requests: 99, remaining: 1 },
    "none",
  ];
  const told = manifest.units.map((unit, n) => ({
    ...unit,
    attempts: unit.id === "reused" ? 0 : 1,
    artifacts: unit.artifacts.map((artifact) => ({ ...artifact, facts: { stats: stats[n] ?? null } })),
  }));
  const entry = {
    job: "docs",
    snapshot: manifest.snapshot,
    manifest: { ...manifest, units: told },
    manifestSha256: "",
    verified: true,
  };
  const measures = measureRun({ job: "docs", status: "ok", removed: 0 }, entry, new Date());
  assert.equal(measures.sourceRequests, 42);
  assert.equal(measures.sourceQuotaRemaining, 3_970);
  assert.equal(measures.collectedBytes.source, "abreusedother".length);
});

const runningOf = (published: readonly Published[], name: string) =>
  published
    .flatMap(({ jobs }) => jobs)
    .filter(({ job }) => job === name)
    .map(({ samples }) => samples.find((one) => one.name === "core_backup_running")?.value);

test("a job that waits for room, or is not begun after a fatal one failed, is not called running", async () => {
  const collected = collectedMetrics();
  const jobs = [aJob({ name: "first", fatal: true }), aJob({ name: "second" })];
  const units = () => [{ id: "bad", fails: forbidden }];
  const a = aBackup({ units, jobs, maxJobs: 1, metrics: { labels: {} }, metricsTargets: [collected.target] });
  const { jobs: results } = await runJobs(a.backup, ["first", "second"]);
  await emitMetrics(a.backup, measuredRuns(results));
  assert.equal(results[1]?.skippedBecause, "first is fatal and did not succeed");
  assert.deepEqual(runningOf(collected.published, "first"), [1, 0]);
  assert.deepEqual(runningOf(collected.published, "second"), []);
});

test("that a run begins arrives before that it ended, also when the run fails meanwhile", async () => {
  const order: (number | undefined)[] = [];
  const { target } = collectedMetrics();
  const slow = {
    ...target,
    open: async () => ({
      async publish(metrics: Published) {
        for (let turns = 0; turns < 20; turns += 1) await setImmediate();
        order.push(...runningOf([metrics], "docs"));
      },
    }),
  };
  const a = aBackup({ metrics: { labels: {} }, metricsTargets: [slow] });
  const plan = () => {
    throw forbidden();
  };
  const backup = { ...a.backup, connector: async () => plan() };
  const { jobs } = await runJobs(backup, ["docs"]);
  assert.equal(jobs[0]?.status, "failed");
  assert.deepEqual(order, [1]);
});

test("a run that is refused says that the other one goes on", async () => {
  const collected = collectedMetrics();
  const a = aBackup({ metrics: { labels: {} }, metricsTargets: [collected.target] });
  await a.storage.put(leaseKey("docs"), bytesOf(leaseBytes(aLease(a.backup.now()))));
  const { jobs } = await runJobs(a.backup, ["docs"]);
  assert.equal(jobs[0]?.status, "refused");
  await emitMetrics(a.backup, measuredRuns(jobs));
  assert.deepEqual(runningOf(collected.published, "docs"), [1]);
});

test("what is taken away goes by the jobs that are in the file now too, and not at all where it cannot be read", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-emit-metrics-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const a = setting();
  const file = join(folder, "core-backup.yml");
  const backup = { ...a.backup, config: { ...a.backup.config, file } };
  const configured = async (text: string) => {
    await writeFile(file, text);
    await emitMetrics(backup, measuredRuns((await runJobs(backup, ["docs"])).jobs));
    a.later(86_400);
    return a.collected.published.at(-1)?.configured;
  };
  assert.deepEqual(await configured("jobs: [{ name: docs }, { name: added, service: git }]"), ["docs", "added"]);
  assert.deepEqual(await configured("jobs: [{ name: renamed }]"), ["docs", "renamed"], "the run is still that of docs");
  assert.equal(await configured("jobs: [{ name: docs }, {"), undefined);
  assert.equal(await configured("storage: {}"), undefined);
});
