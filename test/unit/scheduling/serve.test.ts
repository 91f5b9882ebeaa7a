import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Backup } from "../../../lib/backup.ts";
import type { Config } from "../../../lib/config/schema.ts";
import { ConfigError, InterruptedError } from "../../../lib/errors.ts";
import { underLease } from "../../../lib/lease/under-lease.ts";
import { serve } from "../../../lib/scheduling/serve.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob, contentsOf } from "../../support/a-backup.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";

/** A serve over one memory storage, whose clock stands still at three, or goes on by so many seconds whenever it is looked at. */
function setting(
  jobs: Config["jobs"],
  {
    maxJobs = 2,
    enters = Number.POSITIVE_INFINITY,
    seconds = 0,
    storage = memoryStorage(),
    units = (): readonly ScriptedUnit[] => [{ id: "a", items: { "a.json": "content of a" } }],
    whileWaiting = async () => {},
  } = {},
) {
  const ops = memoryNotifier();
  const notifications = { ops: told({ on: ["success", "failure"] }) };
  const changes = {
    storage,
    units,
    jobs,
    maxJobs,
    metrics: { labels: {} },
    notifications,
    notifiers: { ops: ops.notifier },
  };
  const { backup, lines, later, clock } = aBackup(changes);
  const stop = new AbortController();
  const open: Backup[] = [];
  let opened = 0;
  let waited = 0;
  const waits = {
    elapsed: () => waited,
    sleep: async (ms: number) => {
      waited += ms;
      await whileWaiting();
    },
  };
  const entered: string[] = [];
  const next = { config: backup.config, wrong: false };
  const service = serve({
    ...backup,
    signal: stop.signal,
    now: () => {
      later(seconds);
      return clock.time;
    },
    reload: async () => {
      if (next.wrong) throw new ConfigError("test.yml:1:1: jobs: is missing");
      return next.config;
    },
    enter: async ({ jobs }) => {
      if (entered.length === enters) throw new ConfigError("PROXY is not set", { code: "SECRET_MISSING" });
      entered.push(jobs.map(({ name }) => name).join());
    },
    open: async (config, signal) => {
      opened += 1;
      const one = aBackup({ ...changes, jobs: config.jobs, signal }).backup;
      const own = { ...one, ...waits, log: backup.log, close: async () => void open.splice(open.indexOf(own), 1) };
      open.push(own);
      return own;
    },
  });
  const runs = async (count: number) => {
    while (service.runs() < count) await delay(2);
  };
  return { service, stop, open, entered, opened: () => opened, ops, lines, next, runs, storage };
}

test("each start has a backup of its own, closed at its end, and nothing goes on listening to the signal", async () => {
  const a = setting([aJob({ schedule: "@yearly" }), aJob({ name: "more", schedule: "@yearly" })]);
  await a.runs(2);
  await a.service.using(async (backup) => assert.equal(a.open.includes(backup as Backup), true));
  const listeners = getEventListeners(a.stop.signal, "abort").length;
  for (let times = 0; times < 20; times += 1) await a.service.using(async () => {});
  assert.equal(getEventListeners(a.stop.signal, "abort").length, listeners);
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.deepEqual(a.open, []);
  assert.ok(a.opened() > 22);
});

test("a job that is refused, since another process is at work on it, is asked about again", async () => {
  const job = aJob({ schedule: "@yearly" });
  const { backup, storage, later } = aBackup({ jobs: [job] });
  // Its clock is behind, so that its lease seems to have run out until it is seen to be renewed.
  later(-86_400);
  await underLease(backup, job, { purpose: "prune", processBound: true, waitMs: 0 }, async ({ lease }) => {
    const a = setting([job], { storage, whileWaiting: () => lease.confirm() });
    await a.runs(1);
    a.stop.abort(new InterruptedError("SIGTERM"));
    await a.service.ended;
    assert.deepEqual(
      a.service.jobs().map(({ state, last }) => [state, last?.status]),
      [["asking", "refused"]],
    );
  });
});

test("jobs that end close together are told of in one message, at the end of serve at the latest", async () => {
  const a = setting([aJob({ schedule: "@yearly" }), aJob({ name: "more", schedule: "@yearly" })]);
  await a.runs(2);
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.deepEqual(
    a.ops.reports.map(({ jobs }) => jobs.map(({ job }) => job).sort()),
    [["docs", "more"]],
  );
});

test("jobs of one time are told of in one message, though they wait for room and end one after the other", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const names = ["a", "b", "c"];
  const goOn: (() => void)[] = [];
  const before = () => new Promise<void>((done) => goOn.push(done));
  const a = setting(
    names.map((name) => aJob({ name, schedule: "@yearly" })),
    { maxJobs: 1, units: () => [{ id: "slow", items: { "a.json": "a" }, before }] },
  );
  t.after(() => {
    a.stop.abort(new InterruptedError("SIGTERM"));
    for (const done of goOn) done();
  });
  const halfAMinute = async () => {
    for (let seconds = 0; seconds < 30; seconds += 1) {
      t.mock.timers.tick(1_000);
      await turn();
    }
  };
  for (let n = 1; n <= names.length; n += 1) {
    while (goOn.length === 0) await turn();
    await halfAMinute();
    assert.equal(a.ops.reports.length, 0, `told before job ${n} has ended`);
    goOn.shift()?.();
    while (a.service.runs() < n) await turn();
  }
  while (a.ops.reports.length === 0) await halfAMinute();
  t.mock.timers.reset();
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.deepEqual(
    a.ops.reports.map(({ jobs }) => jobs.map(({ job }) => job).sort()),
    [names],
  );
});

test("how a job ended is told at once, while a storage still holds up its metrics", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const inner = memoryStorage();
  let measure = () => {};
  const answered = new Promise<void>((done) => {
    measure = done;
  });
  const put: typeof inner.put = async (key, ...rest) => {
    if (key.endsWith("/.metrics.json")) await answered;
    return inner.put(key, ...rest);
  };
  const a = setting([aJob({ schedule: "@yearly" })], { storage: { ...inner, put } });
  t.after(measure);
  for (let turns = 0; turns < 10_000 && a.service.runs() === 0; turns += 1) await turn();
  assert.equal(a.service.runs(), 1);
  for (let turns = 0; turns < 1_000 && a.ops.reports.length === 0; turns += 1) {
    if (turns < 10) t.mock.timers.tick(1_000);
    await turn();
  }
  assert.deepEqual(
    [a.ops.reports.length, a.service.jobs()[0]?.state],
    [1, "running"],
    "told only when its metrics were given away",
  );
  t.mock.timers.reset();
  measure();
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
});

test("a right configuration is taken over with its new jobs, a wrong one leaves all as it is", async () => {
  const a = setting([aJob({ schedule: "@yearly" })]);
  await a.runs(1);
  a.next.wrong = true;
  await a.service.reload();
  assert.match(a.service.refused() ?? "", /jobs: is missing/);
  assert.deepEqual(
    a.service.jobs().map(({ job }) => job),
    ["docs"],
  );
  a.next.wrong = false;
  a.next.config = { ...a.next.config, jobs: [aJob({ name: "other", schedule: "@yearly" })] };
  await a.service.reload();
  assert.equal(a.service.refused(), undefined);
  await a.runs(2);
  assert.deepEqual(
    a.service.jobs().map(({ job, last }) => [job, last?.status]),
    [["other", "ok"]],
  );
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
});

test("the network is that of the configuration in force, also when what ran under an older one is told", async () => {
  const a = setting([aJob({ schedule: "@yearly" })]);
  await a.runs(1);
  a.next.config = { ...a.next.config, jobs: [aJob({ name: "other", schedule: "@yearly" })] };
  await a.service.reload();
  await a.runs(2);
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.equal(a.ops.reports.length, 2);
  const taken = a.entered.indexOf("other");
  assert.ok(taken > 0);
  assert.deepEqual(new Set(a.entered.slice(taken)), new Set(["other"]));
});

/** Named and made here, so that it is seen to have run. */
async function hookedJob(t: TestContext, schedule: string) {
  const folder = await mkdtemp(join(tmpdir(), "never-begun-"));
  t.after(() => rm(folder, { recursive: true }));
  const argv = ["sh", "-c", 'echo "$CORE_BACKUP_STATUS $CORE_BACKUP_ERROR" >> "$0"', join(folder, "hook")];
  const job = aJob({ schedule, hooks: { on_failure: { argv, env: [], timeoutMs: 60_000 } } });
  return { job, hooked: () => readFile(join(folder, "hook"), "utf8") };
}

test("a run whose network cannot be entered has failed: it is told over the one that was entered last, and its hook runs", async (t) => {
  const { job, hooked } = await hookedJob(t, "@yearly");
  // Entered to ask what was run, and not any more to run it.
  const a = setting([job], { enters: 1 });
  await a.runs(1);
  const { error, ...last } = a.service.jobs()[0]?.last ?? {};
  assert.deepEqual(last, { job: "docs", status: "failed" });
  assert.equal(error?.code, "SECRET_MISSING");
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.deepEqual(
    a.ops.reports.flatMap(({ jobs }) => jobs.map(({ job, events, errors }) => [job, events, errors[0]?.code])),
    [["docs", ["failure"], "SECRET_MISSING"]],
  );
  assert.equal(await hooked(), "failed SECRET_MISSING\n");
  assert.deepEqual([...(await contentsOf(a.storage)).keys()].sort(), ["docs/.metrics.json", "docs/.told.json"]);
});

test("a run that fails so before any network was entered reaches nothing outside, and the log says that nobody was told", async (t) => {
  const { job, hooked } = await hookedJob(t, "* * * * *");
  const a = setting([job], { enters: 0, seconds: 120 });
  await a.runs(1);
  a.stop.abort(new InterruptedError("SIGTERM"));
  await a.service.ended;
  assert.equal(a.service.jobs()[0]?.last?.error?.code, "SECRET_MISSING");
  assert.match(await hooked(), /^failed SECRET_MISSING\n/);
  assert.deepEqual(a.ops.reports, []);
  assert.ok(a.lines.some((line) => /nobody was told of runs that ended: PROXY is not set/.test(line)));
  assert.deepEqual([...(await contentsOf(a.storage)).keys()], []);
});
