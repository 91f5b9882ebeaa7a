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

test("a storage that never answers holds up no job of another one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const dead = ["one", "two", "three", "four", "five"].map((name) => aJob({ name, target_storage: "dead" }));
  const jobs = [...dead, aJob({ name: "fine" })];
  const a = aBackup({ jobs });
  let looked = 0;
  const time = t.mock.method(performance, "now", () => 0);
  const answers = memoryStorage();
  const hangs = { ...answers, read: () => new Promise<never>(() => {}) };
  const fine = {
    ...answers,
    read: (key: string, most: number) => {
      looked += 1;
      return answers.read(key, most);
    },
  };
  const backup = {
    ...a.backup,
    storage: async ({ target_storage: name }: { target_storage: string }) => (name === "dead" ? hangs : fine),
  };
  const watching = watch(backup, jobs, { dryRun: true, withinMs: WITHIN_MS });
  while (looked === 0) await new Promise((next) => setImmediate(next));
  for (let turn = 0; turn < 100; turn += 1) await new Promise((next) => setImmediate(next));
  time.mock.mockImplementation(() => WITHIN_MS);
  t.mock.timers.tick(WITHIN_MS);
  assert.deepEqual(
    (await watching).jobs.map(({ job, problems }) => [job, ...problems.map(({ code }) => code)]),
    [...dead.map(({ name }) => [name, "STORAGE_FAILED"]), ["fine"]],
  );
});
