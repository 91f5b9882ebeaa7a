import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SourceError } from "../../lib/errors.ts";
import { runJobs } from "../../lib/run.ts";
import { tellAsEnded } from "../../lib/tell-as-ended.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { memoryNotifier, told } from "../support/memory-notifier.ts";

const MINUTE = 60_000;

test("a job that failed is told while another one still runs; what ends close together is one message", async (t) => {
  const ops = memoryNotifier();
  const a = aBackup({
    jobs: ["a", "b", "c"].map((name) => aJob({ name })),
    units: () => [{ id: "bad", fails: () => new SourceError("SOURCE_FORBIDDEN", "no right to read it") }],
    notifications: { ops: told() },
    notifiers: { ops: ops.notifier },
  });
  const { jobs } = await runJobs(a.backup, ["a", "b", "c"]);
  const reported = () => ops.reports.map((report) => report.jobs.map(({ job }) => job));
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { ended, rest } = tellAsEnded(a.backup);
  for (const result of jobs.slice(0, 2)) {
    ended(result);
    t.mock.timers.tick(14 * MINUTE);
  }
  await turn();
  assert.deepEqual(reported(), []);
  t.mock.timers.tick(MINUTE);
  for (let n = 0; n < 1_000 && ops.reports.length === 0; n += 1) await turn();
  assert.deepEqual(reported(), [["a", "b"]]);
  for (const result of jobs.slice(2)) ended(result);
  t.mock.timers.reset();
  const { deliveries } = await rest();
  assert.deepEqual(reported(), [["a", "b"], ["c"]]);
  assert.deepEqual(
    deliveries.map(({ ok, jobs: about }) => [ok, about]),
    [
      [true, ["a", "b"]],
      [true, ["c"]],
    ],
  );
});

test("runJobs tells of each job as it ends, of those that were not begun too", async () => {
  const a = aBackup({
    jobs: [aJob({ name: "a", fatal: true }), aJob({ name: "b" })],
    maxJobs: 1,
    units: () => [{ id: "bad", fails: () => new SourceError("SOURCE_FORBIDDEN", "no right to read it") }],
  });
  const heard: string[] = [];
  await runJobs(a.backup, ["a", "b"], {
    ended: ({ job, skippedBecause }) => heard.push(`${job} ${skippedBecause ?? ""}`),
  });
  assert.deepEqual(heard, ["a ", "b a is fatal and did not succeed"]);
});
