import assert from "node:assert/strict";
import { test } from "node:test";
import { InterruptedError, SourceError, StorageError } from "../../../lib/errors.ts";
import { acquireLease } from "../../../lib/lease/acquire-lease.ts";
import { prune } from "../../../lib/prune.ts";
import { runJobs } from "../../../lib/run.ts";
import { dueJobs } from "../../../lib/scheduling/due-jobs.ts";
import { jobPast, lastStart } from "../../../lib/scheduling/job-past.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const DAY = 86_400;
const NIGHTLY = aJob({ schedule: "0 3 * * *" });

test("the last start is that of the newest run, good or not, and a prune by hand does not count", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  assert.equal(await lastStart(a.storage, "docs"), undefined);
  assert.deepEqual(await jobPast(a.backup, NIGHTLY), { lastStart: undefined, unfinished: undefined, running: false });
  await runJobs(a.backup, ["docs"]);
  a.later(DAY);
  await runJobs(a.backup, ["docs"]);
  a.later(3600);
  await prune(a.backup, { job: "docs", dryRun: false });
  assert.equal((await lastStart(a.storage, "docs"))?.toISOString(), "2026-11-23T03:00:00.000Z");
});

test("a run that was narrowed to some units serves no time of the job", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  await runJobs(a.backup, ["docs"]);
  a.later(DAY);
  await runJobs(a.backup, ["docs"], { only: ["a"] });
  assert.equal((await lastStart(a.storage, "docs"))?.toISOString(), "2026-11-22T03:00:00.000Z");
  a.later(DAY);
  await runJobs(a.backup, ["docs"]);
  assert.equal((await lastStart(a.storage, "docs"))?.toISOString(), "2026-11-24T03:00:00.000Z");
});

test("a run that failed before it had a folder was begun all the same", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  await runJobs(a.backup, ["docs"]);
  a.later(DAY);
  const { prepare } = a.source.connector;
  a.source.connector.prepare = async () => {
    throw new SourceError("SOURCE_UNAVAILABLE", "connection refused");
  };
  const [failed] = (await runJobs(a.backup, ["docs"])).jobs;
  assert.deepEqual([failed?.status, failed?.snapshot], ["failed", undefined]);
  a.source.connector.prepare = prepare;
  assert.equal((await lastStart(a.storage, "docs"))?.toISOString(), "2026-11-23T03:00:00.000Z");
});

test("run --due takes what has passed since the last start, and what cannot be asked", async () => {
  const jobs = [NIGHTLY, aJob({ name: "weekly", schedule: "@weekly" }), aJob({ name: "by hand" })];
  const a = aBackup({ jobs });
  const due = async () => (await dueJobs(a.backup, jobs)).filter(({ isDue }) => isDue).map(({ job }) => job.name);
  assert.deepEqual(await due(), ["docs", "weekly"], "never run");
  await runJobs(a.backup, ["docs", "weekly"]);
  assert.deepEqual(await due(), []);
  a.later(DAY - 1);
  assert.deepEqual(await due(), []);
  a.later(1);
  assert.deepEqual(await due(), ["docs"]);
  const { storage } = a.backup;
  a.backup.storage = async () => {
    throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted");
  };
  assert.deepEqual(await due(), ["docs", "weekly"]);
  a.backup.storage = storage;
});

test("run --due takes no notice of catch_up: false, and heeds a duration", async () => {
  const jobs = [
    aJob({ schedule: "0 3 * * *", catchUpMs: 0 }),
    aJob({ name: "soon", schedule: "0 3 * * *", catchUpMs: 3_600_000 }),
  ];
  const a = aBackup({ jobs });
  await runJobs(a.backup, ["docs", "soon"]);
  const due = async () => (await dueJobs(a.backup, jobs)).filter(({ isDue }) => isDue).map(({ job }) => job.name);
  a.later(DAY + 3_000);
  assert.deepEqual(await due(), ["docs", "soon"]);
  a.later(1_000);
  assert.deepEqual(await due(), ["docs"]);
});

test("when a run was last taken up again is known after a prune had the lease", async () => {
  const controller = new AbortController();
  const units = [{ id: "a", items: { "a.json": interrupting(() => controller) } }];
  const a = aBackup({ jobs: [NIGHTLY], units: () => units });
  await runJobs({ ...a.backup, signal: controller.signal }, ["docs"]);
  for (const [minutes, dueAgain] of [
    [10, "2026-11-22T03:20:00.000Z"],
    [20, "2026-11-22T03:50:00.000Z"],
  ] as const) {
    a.later(minutes * 60);
    const again = new AbortController();
    units[0] = { id: "a", items: { "a.json": interrupting(() => again) } };
    await runJobs({ ...a.backup, signal: again.signal }, ["docs"]);
    const lease = await acquireLease(a.storage, "docs", { purpose: "prune", waitMs: 0, processBound: true }, a.backup);
    await lease.release();
    assert.equal((await jobPast(a.backup, NIGHTLY)).unfinished?.toISOString(), dueAgain);
  }
});

/** What is interrupted while it is read. */
function interrupting(controller: () => AbortController) {
  return async function* () {
    yield new Uint8Array(10);
    controller().abort(new InterruptedError("SIGINT"));
    yield new Uint8Array(10);
  };
}

test("a job that another process works on is not due, whatever its schedule says", async () => {
  const a = aBackup({ jobs: [NIGHTLY], units: () => [{ id: "a", items: { "a.json": "a" } }] });
  const { connector } = a.source;
  const { prepare } = connector;
  const seen: unknown[] = [];
  connector.prepare = async (...given) => {
    a.later(DAY);
    const [asked] = await dueJobs({ ...a.backup, now: () => new Date(a.clock.time.getTime() - DAY * 1000) }, [NIGHTLY]);
    seen.push(asked?.isDue, asked?.running);
    a.later(-DAY);
    return prepare(...given);
  };
  await runJobs(a.backup, ["docs"]);
  assert.deepEqual(seen, [false, true]);
});
