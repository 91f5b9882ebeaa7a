import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Backup } from "../../../lib/backup.ts";
import type { Config } from "../../../lib/config/schema.ts";
import { ConfigError, InterruptedError } from "../../../lib/errors.ts";
import { serve } from "../../../lib/scheduling/serve.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";

/** A serve over one memory storage, whose clock stands still at three. */
function setting(jobs: Config["jobs"], maxJobs = 2) {
  const storage = memoryStorage();
  const ops = memoryNotifier();
  const notifications = { ops: told({ on: ["success", "failure"] }) };
  const changes = { storage, jobs, maxJobs, notifications, notifiers: { ops: ops.notifier } };
  const { backup, lines } = aBackup(changes);
  const stop = new AbortController();
  const open: Backup[] = [];
  let opened = 0;
  const entered: string[] = [];
  const next = { config: backup.config, wrong: false };
  const service = serve({
    ...backup,
    signal: stop.signal,
    reload: async () => {
      if (next.wrong) throw new ConfigError("test.yml:1:1: jobs: is missing");
      return next.config;
    },
    enter: async ({ jobs }) => {
      entered.push(jobs.map(({ name }) => name).join());
    },
    open: async (config, signal) => {
      opened += 1;
      const one = aBackup({ ...changes, jobs: config.jobs, signal }).backup;
      const own = { ...one, log: backup.log, close: async () => void open.splice(open.indexOf(own), 1) };
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
