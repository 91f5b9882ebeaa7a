import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { StorageError } from "../../../lib/errors.ts";
import { reportKey } from "../../../lib/notify/job-report.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { changeTold, readTold } from "../../../lib/notify/told.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";

const DAY = 86_400;

/** A watch with the right to read, beside a runner that may write. */
function setting({ keeps }: { readonly keeps: boolean }) {
  const ops = memoryNotifier();
  const jobs = [aJob({ schedule: "0 3 * * *" })];
  const a = aBackup({ jobs, notifications: { ops: told() }, notifiers: { ops: ops.notifier } });
  const refused = async () => {
    throw new StorageError("STORAGE_FORBIDDEN", "the credentials lack the right: it takes s3:PutObject");
  };
  const readOnly: Storage = { ...a.storage, prepare: refused, put: refused, copy: refused, remove: refused };
  const memory = keeps ? memoryStorage() : undefined;
  const outage = { is: false };
  const storage = async () => {
    if (outage.is) throw new StorageError("STORAGE_FAILED", "the storage is away");
    return readOnly;
  };
  const backup = { ...a.backup, storage, watchMemory: async () => memory };
  const look = async () => (await watch(backup, jobs, { dryRun: false })).jobs[0];
  /** As by a runner that may write. */
  const run = async () => notify(a.backup, { runs: (await runJobs(a.backup, ["docs"])).jobs });
  const events = () => ops.reports.map(({ jobs: [job] }) => `${job?.job} ${job?.events}`);
  return { ...a, ops, jobs, memory, outage, run, look, events };
}

test("with the right to read alone, what is wrong is told once, and once when it is well again", async () => {
  const a = setting({ keeps: true });
  await runJobs(a.backup, ["docs"]);
  assert.equal((await a.look())?.ok, true);
  a.later(3 * DAY);
  for (let times = 0; times < 3; times += 1)
    assert.deepEqual(
      (await a.look())?.problems.map(({ code }) => code),
      ["JOB_LATE"],
    );
  await runJobs(a.backup, ["docs"]);
  for (let times = 0; times < 3; times += 1) assert.equal((await a.look())?.ok, true);
  assert.deepEqual(a.events(), ["docs missed", "docs recovered"]);
});

test("what an earlier watch told that could write is told to be over once, and what is wrong after that is new", async () => {
  const a = setting({ keeps: true });
  await runJobs(a.backup, ["docs"]);
  a.later(3 * DAY);
  await watch(a.backup, a.jobs, { dryRun: false });
  // Somebody has still to hear it, and of that the storage says the same for ever, too.
  await changeTold(a.storage, "docs", (before) => ({ ...before, allClear: { notifiers: ["ops"], tries: 1 } }));
  await runJobs(a.backup, ["docs"]);
  for (let times = 0; times < 3; times += 1) await a.look();
  assert.deepEqual(a.events(), ["docs missed", "docs recovered"]);
  a.later(3 * DAY);
  for (let times = 0; times < 3; times += 1) await a.look();
  assert.deepEqual(a.events(), ["docs missed", "docs recovered", "docs missed"]);
  await runJobs(a.backup, ["docs"]);
  for (let times = 0; times < 3; times += 1) await a.look();
  assert.deepEqual(a.events(), ["docs missed", "docs recovered", "docs missed", "docs recovered"]);
});

test("what no run mends such a watch tells once, and the runs once: neither knows what the other told first", async () => {
  const a = setting({ keeps: true });
  await a.run();
  a.later(DAY);
  await a.run();
  await a.look();
  const key = "docs/2026-11-22/030000Z/manifest.json";
  const { content } = await a.storage.read(key, 1_000_000);
  await a.storage.put(key, bytesOf(Buffer.from(content).toString().replace('"attempts": 1', '"attempts": 2')));
  const looks = async () => {
    for (let times = 0; times < 3; times += 1) await a.look();
  };
  await looks();
  assert.deepEqual(a.events(), ["docs missed"]);
  for (let days = 0; days < 3; days += 1) {
    a.later(DAY);
    await a.run();
    await looks();
    assert.deepEqual(a.events(), ["docs missed", "docs missed"]);
  }
  a.outage.is = true;
  await looks();
  const [job] = a.jobs;
  assert.ok(a.memory !== undefined && job !== undefined);
  const { missed } = await readTold(a.memory, reportKey(a.backup.config, job));
  assert.deepEqual(missed?.named, { INTEGRITY_MANIFEST: ["2026-11-22T030000Z"] });
  a.outage.is = false;
  await a.storage.put(key, bytesOf(content));
  await looks();
  assert.deepEqual(a.events().slice(2), ["docs missed", "docs recovered"]);
});

test("what a run has told of before, such a watch does not tell again", async () => {
  const a = setting({ keeps: true });
  for (let days = 0; days < 3; days += 1) {
    await a.run();
    a.later(DAY);
  }
  await a.storage.remove(["docs/2026-11-23/030000Z/manifest.json", "docs/2026-11-23/030000Z/verified.json"]);
  await a.run();
  for (let times = 0; times < 3; times += 1)
    assert.deepEqual(
      (await a.look())?.problems.map(({ code }) => code),
      ["SNAPSHOT_LOST"],
    );
  assert.deepEqual(a.events(), ["docs missed"]);
});

test("a job that is never run is late from when such a watch first saw it", async () => {
  const a = setting({ keeps: true });
  assert.equal((await a.look())?.ok, true);
  a.later(3 * DAY);
  assert.deepEqual(
    (await a.look())?.problems.map(({ code }) => code),
    ["JOB_LATE"],
  );
});

test("a machine that keeps nothing says that it cannot remember", async () => {
  const a = setting({ keeps: false });
  await runJobs(a.backup, ["docs"]);
  await a.look();
  assert.equal(
    a.lines.filter((line) => /^warn.*cannot be remembered.*s3:PutObject/.test(line)).length,
    1,
    a.lines.join("\n"),
  );
});

test("a job that was taken out of the file is told once by such a watch", async () => {
  const ops = memoryNotifier();
  const jobs = [aJob(), aJob({ name: "other" })];
  const a = aBackup({ jobs, notifications: { ops: told() }, notifiers: { ops: ops.notifier } });
  await runJobs(a.backup, ["docs", "other"]);
  const refused = async () => {
    throw new StorageError("STORAGE_FORBIDDEN", "the credentials lack the right: it takes s3:PutObject");
  };
  const memory = memoryStorage();
  const backup = {
    ...a.backup,
    storage: async () => ({ ...a.storage, prepare: refused, put: refused }),
    watchMemory: async () => memory,
    config: { ...a.backup.config, storage: { store: { type: "filesystem", base_path: "/store" } as const } },
  };
  await watch(backup, jobs, { dryRun: false });
  const left = jobs.slice(1);
  const after = { ...backup, config: { ...backup.config, jobs: left } };
  for (let times = 0; times < 3; times += 1) await watch(after, left, { dryRun: false });
  assert.deepEqual(
    ops.reports.flatMap((report) => report.jobs.map(({ job, events }) => `${job} ${events}`)),
    ["docs missed"],
  );
});
