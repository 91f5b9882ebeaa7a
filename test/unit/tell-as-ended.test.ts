import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { notifierKinds } from "../../lib/config/notifier-options.ts";
import { SourceError } from "../../lib/errors.ts";
import type { Notifier } from "../../lib/notifiers/notifier.ts";
import { checkNotifiers } from "../../lib/notify/notifier-checks.ts";
import { readTold } from "../../lib/notify/told.ts";
import { runJobs } from "../../lib/run.ts";
import { tellAsEnded } from "../../lib/tell-as-ended.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { collectedMetrics } from "../support/collected-metrics.ts";
import { memoryNotifier, told } from "../support/memory-notifier.ts";
import { openedNotifier } from "../support/opened-notifier.ts";
import { startRecordingServer } from "../support/recording-server.ts";
import { secondsTaken } from "../support/seconds-taken.ts";

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

test("an invocation that is told in several messages pings once, when all have ended, by the worst of its jobs", async (t) => {
  await using server = await startRecordingServer(() => ({ status: 200 }));
  const options = { type: "webhook", success_url_env: "GOOD", failure_url_env: "BAD" } as const;
  const env = { GOOD: `${server.url}/good`, BAD: `${server.url}/bad`, HOOK: `${server.url}/hook` };
  const withUrl = { ...options, url_env: "HOOK" };
  const source = { bad: true };
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no right to read it");
  const a = aBackup({
    jobs: ["a", "b"].map((name) => aJob({ name })),
    units: () => [source.bad ? { id: "u", fails } : { id: "u", items: { "u.json": "u" } }],
    notifications: { pings: notifierKinds.webhook.parse(options), both: notifierKinds.webhook.parse(withUrl) },
    notifiers: {
      pings: (await openedNotifier(options, env)).notifier,
      both: (await openedNotifier(withUrl, env)).notifier,
    },
  });
  const [bad] = (await runJobs(a.backup, ["a"])).jobs;
  source.bad = false;
  const [good] = (await runJobs(a.backup, ["b"])).jobs;
  assert.ok(bad !== undefined && good !== undefined);
  let before = 0;
  const calls = () => server.calls.slice(before).map(({ path }) => path);
  for (const [first, last] of [
    [bad, good],
    [good, bad],
  ] as const) {
    before = server.calls.length;
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { ended, rest } = tellAsEnded(a.backup);
    ended(first);
    t.mock.timers.tick(15 * MINUTE);
    t.mock.timers.reset();
    while (calls().length === 0) await turn();
    assert.deepEqual(calls().sort(), ["/hook"]);
    ended(last);
    const { deliveries } = await rest();
    assert.deepEqual(calls().sort(), ["/bad", "/bad", "/hook", "/hook"]);
    const [ping] = deliveries.filter(({ notifier }) => notifier === "pings");
    assert.deepEqual([ping?.ok, ping?.jobs], [true, ["a", "b"]]);
  }
  server.next.push({ status: 200 }, { status: 404 }, { status: 404 });
  const { ended, rest } = tellAsEnded(a.backup);
  ended(good);
  await rest();
  const { undelivered } = await readTold(a.storage, "b");
  assert.deepEqual(undelivered.map(({ notifier }) => notifier).sort(), ["both", "pings"]);
});

test("whoever hangs, a run waits no longer than the longest timeout, for its ping and with an earlier message under way too", async (t) => {
  const hang = () => new Promise<void>(() => {});
  const hanging: Notifier = { takesOver: true, check: hang, begin: hang, send: hang, ping: hang };
  const pings = { type: "webhook", url_env: "HOOK", failure_url_env: "BAD" } as const;
  const target = { ...collectedMetrics().target, timeoutMs: 30_000, open: async () => ({ publish: hang }) };
  const a = aBackup({
    jobs: ["a", "b"].map((name) => aJob({ name })),
    units: () => [{ id: "bad", fails: () => new SourceError("SOURCE_FORBIDDEN", "no right to read it") }],
    notifications: { ops: told(), mail: told({ on: ["missed"] }), pings: notifierKinds.webhook.parse(pings) },
    notifiers: { ops: hanging, mail: hanging, pings: hanging },
  });
  const [first, last] = (await runJobs({ ...a.backup, config: { ...a.backup.config, notifications: {} } }, ["a", "b"]))
    .jobs;
  assert.ok(first !== undefined && last !== undefined);
  const backup = { ...a.backup, metricsTargets: [target] };
  const looking = await secondsTaken(t.mock.timers, () => checkNotifiers(backup, ["a", "b"])("a"));
  const { ended, rest } = tellAsEnded(backup);
  const all = await secondsTaken(t.mock.timers, async () => {
    ended(first);
    await new Promise((done) => setTimeout(done, 15 * MINUTE));
    ended(last);
    const { deliveries } = await rest();
    assert.ok(deliveries.length > 0 && deliveries.every(({ ok }) => !ok));
  });
  const seconds = looking + all - 15 * 60;
  assert.ok(seconds > 29 && seconds < 31, `${seconds} s, of timeouts of at most 30 s`);
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
