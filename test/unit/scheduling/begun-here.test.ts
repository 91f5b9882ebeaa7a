import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backup } from "../../../lib/backup.ts";
import { InterruptedError, StorageError } from "../../../lib/errors.ts";
import { underLease } from "../../../lib/lease/under-lease.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { runJobs } from "../../../lib/run.ts";
import { begunHere } from "../../../lib/scheduling/begun-here.ts";
import { dueJobs } from "../../../lib/scheduling/due-jobs.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";

const NIGHTLY = aJob({ schedule: "0 3 * * *" });
const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** A line of cron that looks what is due, over a storage that can be dead. */
function setting(
  machine: Backup["machine"] = memoryStorage(),
  item: string | (() => AsyncIterable<Uint8Array>) = "content of a",
) {
  const ops = memoryNotifier();
  const notifications = { ops: told({ on: ["success", "failure"] }) };
  const units = () => [{ id: "a", items: { "a.json": item } }];
  const a = aBackup({ jobs: [NIGHTLY], units, notifications, notifiers: { ops: ops.notifier } });
  const state = { dead: false, full: false };
  const full: Storage = {
    ...a.storage,
    put: async () => {
      throw new StorageError("STORAGE_FULL", "no space left on device");
    },
  };
  const backup: Backup = {
    ...a.backup,
    machine,
    storage: async (job) => {
      if (state.dead) throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted");
      return state.full ? full : a.backup.storage(job);
    },
  };
  const tick = async () => {
    const due = (await dueJobs(backup, [NIGHTLY])).filter(({ isDue }) => isDue);
    const { jobs } = await runJobs(
      backup,
      due.map(({ job }) => job.name),
    );
    if (jobs.length > 0) await notify(backup, { runs: jobs });
    return jobs.map(({ status }) => status);
  };
  const ticks = async (count: number) => {
    const all: string[] = [];
    for (let times = 0; times < count; times += 1) {
      all.push(...(await tick()));
      a.later(10 * MINUTE);
    }
    return all;
  };
  return { ...a, backup, state, tick, ticks, ops };
}

test("a dead storage is tried and told of once for each time of the schedule, however often cron looks", async () => {
  const a = setting();
  a.state.dead = true;
  assert.deepEqual(await a.ticks(144), ["failed"]);
  assert.equal(a.ops.reports.length, 1);
  assert.deepEqual(await a.ticks(144), ["failed"], "a day later");
  assert.equal(a.ops.reports.length, 2);
});

test("a storage that answers again is made up for at once", async () => {
  const a = setting();
  a.state.dead = true;
  assert.deepEqual(await a.ticks(6), ["failed"]);
  a.state.dead = false;
  assert.deepEqual(await a.ticks(6), ["ok"]);
});

test("a time that was refused, since another process is at work, is due when that has ended", async () => {
  const a = setting();
  assert.deepEqual(await a.ticks(1), ["ok"]);
  a.later(DAY);
  await underLease(a.backup, NIGHTLY, { purpose: "prune", processBound: true, waitMs: 0 }, async () => {
    const { jobs } = await runJobs(a.backup, ["docs"]);
    assert.equal(jobs[0]?.status, "refused");
  });
  assert.deepEqual(await a.ticks(6), ["ok"]);
});

test("so is one whose storage was dead and is being worked on when it answers again", async () => {
  const a = setting();
  assert.deepEqual(await a.ticks(1), ["ok"]);
  a.later(DAY);
  a.state.dead = true;
  assert.deepEqual(await a.ticks(2), ["failed"]);
  a.state.dead = false;
  await underLease(a.backup, NIGHTLY, { purpose: "prune", processBound: true, waitMs: 0 }, async () => {
    assert.deepEqual(await a.ticks(1), []);
  });
  assert.deepEqual(await a.ticks(6), ["ok"]);
});

test("a run that was stopped while it waited for another process has served no time", async () => {
  const a = setting();
  assert.deepEqual(await a.ticks(1), ["ok"]);
  a.later(DAY);
  const stop = new AbortController();
  await underLease(a.backup, NIGHTLY, { purpose: "prune", processBound: true, waitMs: 0 }, async () => {
    const sleep = async () => stop.abort(new InterruptedError("SIGTERM"));
    const waiting = { ...a.backup, signal: stop.signal, sleep };
    const { jobs } = await runJobs(waiting, ["docs"], { waitMs: 3_600_000 });
    assert.equal(jobs[0]?.status, "interrupted");
  });
  assert.deepEqual(await a.ticks(6), ["ok"]);
});

test("a storage that can be read and not written to, as a full disk, is tried once for each time too", async () => {
  const a = setting();
  assert.deepEqual(await a.ticks(144), ["ok"]);
  a.state.full = true;
  assert.deepEqual(await a.ticks(144), ["failed"]);
  a.state.dead = true;
  assert.deepEqual(await a.ticks(6), ["failed"]);
  a.state.dead = false;
  assert.deepEqual(await a.ticks(138), ["failed"], "it answers again, and is full still");
  a.state.full = false;
  assert.deepEqual(await a.ticks(1), ["ok"]);
});

test("a run that was ended before its time, on a storage that is full by then, is not taken up at every look", async () => {
  const stop = new AbortController();
  const a = setting(memoryStorage(), async function* () {
    yield new Uint8Array(10);
    stop.abort(new InterruptedError("SIGTERM"));
    yield new Uint8Array(10);
  });
  const { jobs } = await runJobs({ ...a.backup, signal: stop.signal }, ["docs"]);
  assert.equal(jobs[0]?.status, "interrupted");
  a.state.full = true;
  a.later(10 * MINUTE);
  assert.deepEqual(await a.ticks(20), ["failed"]);
});

test("a storage that dies between two times makes nothing due before the next one", async () => {
  const a = setting();
  assert.deepEqual(await a.ticks(1), ["ok"]);
  a.state.dead = true;
  assert.deepEqual(await a.ticks(143), []);
  assert.deepEqual(await a.ticks(3), ["failed"]);
});

test("a machine that keeps nothing, or cannot, tries a dead storage each time", async () => {
  const full = memoryStorage();
  full.put = async () => {
    throw new StorageError("STORAGE_FULL", "no space left on device");
  };
  const keepsNothing = setting();
  const without = { ...keepsNothing.backup, machine: undefined };
  await runJobs(without, ["docs"]);
  assert.equal(await begunHere(without, NIGHTLY), undefined);
  const a = setting(full);
  a.state.dead = true;
  assert.deepEqual(await a.ticks(2), ["failed", "failed"]);
});

test("neither a narrowed run nor one that a clock began which was ahead counts", async () => {
  const a = setting();
  await runJobs(a.backup, ["docs"], { only: ["a"] });
  assert.equal((await begunHere(a.backup, NIGHTLY))?.begunAt, undefined);
  await runJobs(a.backup, ["docs"]);
  assert.deepEqual((await begunHere(a.backup, NIGHTLY))?.begunAt, a.clock.time);
  a.later(-DAY);
  assert.equal((await begunHere(a.backup, NIGHTLY))?.begunAt, undefined);
});
