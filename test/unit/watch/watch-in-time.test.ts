import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";

const WITHIN_MS = 60_000;

test("what storages that never answer hold up is told when the time to look is over, and no further one is asked", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ops = memoryNotifier();
  const names = ["one", "two", "three", "four", "five", "six"];
  const jobs = names.map((name) => aJob({ name, schedule: "0 3 * * *" }));
  const a = aBackup({ jobs, notifications: { ops: told() }, notifiers: { ops: ops.notifier } });
  const asked: string[] = [];
  t.mock.method(performance, "now", () => (asked.length === 4 ? WITHIN_MS : 0));
  const hanging = {
    ...memoryStorage(),
    read: (key: string) => {
      asked.push(key);
      if (asked.length === 4) queueMicrotask(() => t.mock.timers.tick(WITHIN_MS));
      return new Promise<never>(() => {});
    },
  };
  const backup = { ...a.backup, storage: async () => hanging };
  const found = await watch(backup, jobs, { dryRun: false, withinMs: WITHIN_MS });
  assert.deepEqual(
    asked,
    names.slice(0, 4).map((name) => `${name}/.told.json`),
  );
  assert.deepEqual(
    found.jobs.map(({ job, ok, problems }) => [job, ok, ...problems.map(({ code }) => code)]),
    names.map((name) => [name, false, "STORAGE_FAILED"]),
  );
  assert.deepEqual(
    ops.reports.map(({ kind, jobs: all }) => [kind, ...all.map(({ job, events }) => `${job} ${events}`)]),
    [["watch", ...names.map((name) => `${name} missed`)]],
  );
});
