import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { SourceError, StorageError } from "../../../lib/errors.ts";
import { underLease } from "../../../lib/lease/under-lease.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { changeTold, readTold } from "../../../lib/notify/told.ts";
import { thisProcess } from "../../../lib/process-identity.ts";
import { runJobs } from "../../../lib/run.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { surveyJob } from "../../../lib/survey-job.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob, type BackupChanges, contentsOf } from "../../support/a-backup.ts";
import { aLease } from "../../support/a-lease.ts";
import { gone, memoryNotifier, told } from "../../support/memory-notifier.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";

const DAY = 86_400;

/** A daily job at three, and a watch that could be on any machine. */
function setting(changes: BackupChanges = {}) {
  const ops = memoryNotifier();
  const source = { bad: false };
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no right");
  const units = (): readonly ScriptedUnit[] =>
    source.bad ? [{ id: "u", fails }] : [{ id: "u", items: { "u.json": "u" } }];
  const a = aBackup({
    units,
    jobs: [aJob({ schedule: "0 3 * * *" })],
    notifications: { ops: told() },
    notifiers: { ops: ops.notifier },
    ...changes,
  });
  const run = async () => {
    const { jobs } = await runJobs(a.backup, ["docs"]);
    return notify(a.backup, { runs: jobs });
  };
  const look = async (dryRun = false) => {
    const { jobs } = await watch(a.backup, a.backup.config.jobs, { dryRun });
    const [job] = jobs;
    assert.ok(job !== undefined);
    return job;
  };
  const events = () => ops.reports.map(({ kind, jobs }) => [kind, ...jobs.map((job) => `${job.job} ${job.events}`)]);
  return { ...a, ops, source, run, look, events };
}

type TakenAway = "manifest.json and verified.json" | "all";

/** Of the snapshot of a day, as a person would, or a program that is not ours. */
async function takeAway(storage: Storage, day: string, what: TakenAway = "all"): Promise<void> {
  const documents = /\/(manifest|verified)\.json$/;
  const keys = [...(await contentsOf(storage)).keys()].filter((key) => key.startsWith(`docs/${day}/`));
  await storage.remove(keys.filter((key) => what === "all" || documents.test(key)));
}

test("a job with a proved snapshot in time is well, with its age and how old it may be", async () => {
  const a = setting();
  await a.run();
  a.later(3600);
  const { storage: _, ...job } = await a.look();
  assert.deepEqual(job, {
    job: "docs",
    ok: true,
    age: 3600,
    deadline: 36 * 3600,
    lateBy: null,
    lateSince: null,
    snapshot: "2026-11-22T030000Z",
    problems: [],
    notices: [],
  });
  assert.deepEqual(a.events(), []);
});

test("a runner that stopped is told once, by how much it is late, and once when it is well again", async () => {
  const a = setting();
  await a.run();
  a.later(3 * DAY);
  const late = await a.look();
  assert.equal(late.ok, false);
  assert.equal(late.lateBy, 36 * 3600);
  assert.deepEqual(late.problems, [
    {
      code: "JOB_LATE",
      message:
        "no good snapshot since 2026-11-22T030000Z; it was due by 2026-11-23 15:00 UTC, 1 d 12 h ago; no run was started since",
    },
  ]);
  a.later(DAY);
  await a.look();
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);
  assert.equal(a.ops.reports[0]?.jobs[0]?.next, "core-backup run --config test.yml --job docs");
  await a.run();
  assert.equal((await a.look()).ok, true);
  await a.look();
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["run", "docs recovered"],
  ]);
});

test("a job is late since it was due, by a clock that goes on between the look and the message, also once it is over", async () => {
  const a = setting();
  await a.run();
  a.later(3 * DAY + 0.4);
  const { now } = a.backup;
  const goesOn = () => {
    a.later(1.7);
    return now();
  };
  await watch({ ...a.backup, now: goesOn }, a.backup.config.jobs, { dryRun: false });
  assert.equal(a.ops.reports[0]?.jobs[0]?.since, "2026-11-23T15:00:00.000Z");
  assert.equal((await readTold(a.storage, "docs")).missed?.since, "2026-11-23T15:00:00.000Z");
});

test("a runner that stopped shows by its schedule, however long the deadline is, and is told once", async () => {
  const a = setting({ jobs: [aJob({ schedule: "0 3 * * *", deadlineMs: 4 * DAY * 1000 })] });
  await a.run();
  a.later(1.5 * DAY);
  assert.equal((await a.look()).ok, true);
  a.later(3600);
  const job = await a.look();
  assert.deepEqual([job.ok, job.lateBy], [false, null]);
  assert.deepEqual(job.problems, [
    {
      code: "JOB_NOT_STARTED",
      message: "no run was started by 2026-11-23 15:00 UTC, 1 h 00 min ago; the last one began at 2026-11-22 03:00 UTC",
    },
  ]);
  for (let days = 0; days < 5; days += 1) {
    a.later(DAY);
    await a.look();
  }
  assert.deepEqual(
    (await a.look()).problems.map(({ code }) => code),
    ["JOB_LATE"],
  );
  await a.run();
  await a.look();
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["run", "docs recovered"],
  ]);
});

test("a job that was never run shows when its first time has passed since the watch knows of it", async () => {
  const a = setting({ jobs: [aJob({ schedule: "0 3 * * *", deadlineMs: 40 * DAY * 1000 })] });
  await a.look();
  a.later(2 * DAY);
  assert.match((await a.look()).problems[0]?.message ?? "", /^no run was started by .*; it was never run$/);
});

test("runs that fail are runs that were started", async () => {
  const a = setting({ jobs: [aJob({ schedule: "0 3 * * *", deadlineMs: 10 * DAY * 1000 })] });
  await a.run();
  a.source.bad = true;
  for (let day = 0; day < 4; day += 1) {
    a.later(DAY);
    await runJobs(a.backup, ["docs"]);
  }
  assert.equal((await a.look()).ok, true);
});

test("several jobs of a runner that stopped are one message, with each one's lateness", async () => {
  const jobs = [
    aJob({ schedule: "0 3 * * *" }),
    aJob({ name: "hourly", schedule: "@hourly" }),
    aJob({ name: "weekly", schedule: "@weekly" }),
  ];
  const a = setting({ jobs });
  await runJobs(a.backup, ["docs", "hourly", "weekly"]);
  a.later(3 * DAY);
  for (let times = 0; times < 3; times += 1) {
    const found = (await watch(a.backup, jobs, { dryRun: false })).jobs;
    assert.deepEqual(
      found.map(({ job, lateBy }) => [job, lateBy]),
      [
        ["docs", 1.5 * DAY],
        ["hourly", 3 * DAY - 1.5 * 3600],
        ["weekly", null],
      ],
    );
  }
  assert.deepEqual(a.events(), [["watch", "docs missed", "hourly missed"]]);
});

test("when a run by another hand made it well, the watch tells so", async () => {
  const a = setting();
  await a.run();
  a.later(3 * DAY);
  await a.look();
  await runJobs(a.backup, ["docs"]);
  await a.look();
  await a.look();
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["watch", "docs recovered"],
  ]);
});

test("runs that fail do not put the deadline off, and are counted", async () => {
  const a = setting();
  await a.run();
  a.source.bad = true;
  for (let day = 0; day < 3; day += 1) {
    a.later(DAY);
    await runJobs(a.backup, ["docs"]);
  }
  assert.match((await a.look()).problems[0]?.message ?? "", /; runs since: 3 failed$/);
});

test("a snapshot that is good and not proved counts only where the job does not prove", async () => {
  const unproved = { checksum: 0.1, prove: false as const };
  const a = setting({ jobs: [aJob({ schedule: "0 3 * * *", verify: unproved })] });
  await a.run();
  assert.equal((await a.look()).ok, true);
  const b = setting({ storage: a.storage });
  b.later(3 * DAY);
  const job = await b.look();
  assert.deepEqual(
    job.problems.map(({ code }) => code),
    ["JOB_NOT_PROVED"],
  );
  assert.match(
    job.problems[0]?.message ?? "",
    /^2026-11-22T030000Z is good but was not proved; none was ever proved; /,
  );
});

test("a job that was never run is due by its schedule from when the watch first saw it", async () => {
  const a = setting();
  const first = await a.look();
  assert.equal(first.ok, true);
  assert.match(first.notices[0] ?? "", /^was never run; one is due by 2026-11-23T/);
  a.later(2 * DAY);
  assert.match((await a.look()).problems[0]?.message ?? "", /^there is no good snapshot; .* no run was started since$/);
});

test("a job without schedule and deadline is never late, and that is said", async () => {
  const a = setting({ jobs: [aJob()] });
  await a.run();
  a.later(400 * DAY);
  const job = await a.look();
  assert.deepEqual(
    [job.ok, job.deadline, job.notices],
    [true, null, ["has neither schedule nor deadline, so it is never late"]],
  );
});

test("a run whose lease ran out is stuck, one that was ended in order is not, and one that goes on is said to", async () => {
  const a = setting();
  await a.run();
  a.later(DAY);
  const snapshot = "2026-11-23T030000Z";
  await a.storage.put(`docs/2026-11-23/030000Z/.run/plan.jsonl`, bytesOf(""));
  const lease = (changes: object) => {
    const at = a.clock.time.toISOString();
    const expiresAt = new Date(a.clock.time.getTime() + 90_000).toISOString();
    const document = {
      schemaVersion: 1,
      token: "t",
      sequence: 9,
      released: false,
      purpose: "run",
      host: "other",
      version: "1",
      snapshot,
      acquiredAt: at,
      renewedAt: at,
      expiresAt,
    };
    return a.storage.put("docs/.lease", bytesOf(JSON.stringify({ ...document, ...changes })));
  };
  await lease({ acquiredAt: "2026-11-23T03:00:00.400Z" });
  assert.deepEqual((await a.look()).notices, [`run ${snapshot} is going on`]);
  await lease({ released: true });
  assert.deepEqual(
    [(await a.look()).ok, (await a.look()).notices],
    [true, [`run ${snapshot} was stopped before its end`]],
  );
  await lease({ acquiredAt: "2026-11-23T03:00:00.400Z" });
  a.later(3600);
  assert.deepEqual(
    (await a.look()).problems.map(({ code }) => code),
    ["JOB_STUCK"],
  );
  a.later(3600);
  // Where nobody else watches, it would be waited for in earnest.
  await lease({ released: true });
  await a.run();
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["run", "docs recovered"],
  ]);
});

test("a stuck run stays stuck when a prune, or a run that fails before it has a folder, has had the lease since", async () => {
  const a = setting();
  await a.run();
  a.later(DAY);
  const snapshot = "2026-11-23T030000Z";
  await a.storage.put("docs/2026-11-23/030000Z/.run/plan.jsonl", bytesOf(""));
  const lease = (changes: object) =>
    a.storage.put("docs/.lease", bytesOf(JSON.stringify({ ...aLease(a.clock.time), ...changes })));
  const prune = { purpose: "prune", processBound: true, waitMs: 0 } as const;
  const stuck = async () => (await a.look()).problems.map(({ code, snapshots }) => [code, snapshots]);
  const isStuck = [["JOB_STUCK", [snapshot]]];
  // Where nobody else watches, a lease that ran out would be waited for in earnest.
  const ended = { process: { machine: thisProcess().machine, pid: 2 ** 30, start: 1 } };
  await lease({ ...ended, snapshot });
  assert.deepEqual(await stuck(), isStuck);
  a.later(3600);
  await underLease(a.backup, aJob(), prune, async () => assert.deepEqual(await stuck(), isStuck));
  assert.deepEqual(await stuck(), isStuck);
  await underLease(a.backup, aJob(), { ...prune, purpose: "run" }, async () =>
    assert.deepEqual(await stuck(), isStuck),
  );
  assert.deepEqual(await stuck(), isStuck);
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);

  await lease({ snapshot, released: true });
  await underLease(a.backup, aJob(), prune, async () => {});
  assert.deepEqual((await a.look()).notices, [`run ${snapshot} was stopped before its end`]);
  await lease({ acquiredAt: "2026-11-23T03:00:00.400Z" });
  assert.deepEqual((await a.look()).notices, [`run ${snapshot} is going on`], "it was begun under this lease");
});

test("a manifest that was changed, or is gone, is told, and a good run does not make that well", async () => {
  const a = setting();
  await a.run();
  a.later(DAY);
  await a.run();
  const key = "docs/2026-11-22/030000Z/manifest.json";
  const { content } = await a.storage.read(key, 1_000_000);
  await a.storage.put(key, bytesOf(Buffer.from(content).toString().replace('"attempts": 1', '"attempts": 2')));
  const job = await a.look();
  assert.equal(job.ok, false);
  assert.match(
    job.problems[0]?.message ?? "",
    /^manifest.json of 2026-11-22T030000Z differs from its line in SHA256SUMS$/,
  );
  a.later(DAY);
  await a.run();
  await a.look();
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);
  assert.match(a.ops.reports[0]?.jobs[0]?.next ?? "", /verify .* --snapshot all$/);
  await a.storage.remove([key]);
  assert.match((await a.look()).problems[0]?.message ?? "", /is gone, though the snapshot was verified once/);
});

test("what was told of is looked at again however far back it lies by then, until it is put right or prune removes it", async () => {
  const retention = { keep_last: 40, min_keep: 1, max_removals: 100 };
  const a = setting({ jobs: [aJob({ schedule: "0 3 * * *", retention })] });
  const days = async (count: number) => {
    for (let day = 0; day < count; day += 1) {
      a.later(DAY);
      await a.run();
    }
  };
  await a.run();
  await days(3);
  const key = "docs/2026-11-24/030000Z/manifest.json";
  const { content } = await a.storage.read(key, 1_000_000);
  await a.storage.put(key, bytesOf(Buffer.from(content).toString().replace('"attempts": 1', '"attempts": 2')));
  await takeAway(a.storage, "2026-11-23");
  const found = async () => (await a.look()).problems.map(({ code, snapshots }) => [code, snapshots?.join()]);
  const changed = ["INTEGRITY_MANIFEST", "2026-11-24T030000Z"];
  const lost = ["SNAPSHOT_LOST", "2026-11-23T030000Z"];
  assert.deepEqual(await found(), [lost, changed]);
  await days(32);
  assert.deepEqual(await found(), [lost, changed]);
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);
  await a.storage.put(key, bytesOf(content));
  assert.deepEqual(await found(), [lost]);
  await days(8);
  assert.deepEqual(await found(), []);
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["run", "docs recovered"],
  ]);
});

for (const what of ["manifest.json and verified.json", "all"] as const) {
  test(`a snapshot of which somebody removed ${what} is told; what prune removed is not`, async () => {
    const a = setting({
      jobs: [aJob({ schedule: "0 3 * * *", retention: { keep_last: 4, min_keep: 1, max_removals: 10 } })],
    });
    for (let day = 0; day < 5; day += 1) {
      await a.run();
      a.later(DAY);
    }
    a.later(-DAY);
    assert.equal((await a.look()).ok, true);
    await takeAway(a.storage, "2026-11-24", what);
    const message =
      "manifest.json of 2026-11-24T030000Z is gone, though 2026-11-25T030000Z followed it and prune did not remove it";
    assert.deepEqual((await a.look()).problems, [
      { code: "SNAPSHOT_LOST", message, snapshots: ["2026-11-24T030000Z"] },
    ]);
    await a.look();
    assert.deepEqual(a.events(), [["watch", "docs missed"]]);
  });
}

for (const what of ["manifest.json and verified.json", "all"] as const) {
  test(`the newest snapshot, of which somebody removed ${what}, is told at once and once, and is missed when others follow`, async () => {
    const a = setting({
      jobs: [aJob({ schedule: "0 3 * * *", retention: { keep_last: 2, min_keep: 1, max_removals: 10 } })],
    });
    const daily = async () => {
      a.later(DAY);
      await a.run();
    };
    await a.run();
    for (let days = 0; days < 3; days += 1) await daily();
    assert.equal((await a.look()).ok, true);
    await takeAway(a.storage, "2026-11-25", what);
    const message = "snapshot 2026-11-25T030000Z is gone, though a prune saw it and none removed it";
    const lost = async () => (await a.look()).problems.filter(({ code }) => code !== "JOB_NOT_STARTED");
    const problem = { code: "SNAPSHOT_LOST", message, snapshots: ["2026-11-25T030000Z"] };
    assert.deepEqual(await lost(), [problem]);
    assert.match(a.ops.reports[0]?.jobs[0]?.next ?? "", /verify .* --snapshot all$/);
    await daily();
    assert.deepEqual(await lost(), [problem]);
    assert.deepEqual(a.events(), [["watch", "docs missed"]]);
    // What was older is gone by then too, and by the retention so would this one be.
    await daily();
    await daily();
    assert.equal((await a.look()).ok, true);
    assert.deepEqual(a.events(), [
      ["watch", "docs missed"],
      ["run", "docs recovered"],
    ]);
  });
}

test("the newest snapshot that a person removed and says so is not missed, nor is one that a run makes while the watch looks", async () => {
  const a = setting();
  await a.run();
  a.later(DAY);
  await a.run();
  await takeAway(a.storage, "2026-11-23");
  const record = JSON.parse((await contentsOf(a.storage)).get("docs/.removals.json")?.toString() ?? "");
  await a.storage.put("docs/.removals.json", bytesOf(JSON.stringify({ ...record, removed: ["2026-11-23T030000Z"] })));
  assert.equal((await a.look()).ok, true);
  let seen = 0;
  const late = {
    ...a.storage,
    async *folders(prefix: string) {
      const found = await Array.fromAsync(a.storage.folders(prefix));
      // Between the list of the days and all else.
      if (prefix === "docs/" && ++seen === 2) {
        a.later(DAY);
        await a.run();
      }
      yield* found;
    },
  };
  assert.deepEqual((await surveyJob(late, "docs", a.clock.time)).lost, []);
  assert.ok(seen >= 2);
});

test("snapshots that are all taken away just before a run are told by that run, and once, until a person says that it was meant", async () => {
  const a = setting();
  await a.run();
  a.later(DAY);
  await a.run();
  for (const day of ["2026-11-22", "2026-11-23"]) await takeAway(a.storage, day);
  for (let days = 0; days < 3; days += 1) {
    a.later(DAY);
    await a.run();
    assert.deepEqual(
      (await a.look()).problems.map(({ code, snapshots }) => [code, snapshots]),
      [["SNAPSHOT_LOST", ["2026-11-23T030000Z"]]],
    );
  }
  assert.deepEqual(a.events(), [["run", "docs missed"]]);
  const record = JSON.parse((await contentsOf(a.storage)).get("docs/.removals.json")?.toString() ?? "");
  await a.storage.put("docs/.removals.json", bytesOf(JSON.stringify({ ...record, removed: ["2026-11-23T030000Z"] })));
  assert.equal((await a.look()).ok, true);
  assert.deepEqual(a.events().slice(1), [["watch", "docs recovered"]]);
  a.later(DAY);
  await a.run();
  assert.equal((await a.look()).ok, true);
});

test("the newest snapshot is missed too while one is dated ahead", async () => {
  const a = setting();
  a.later(100 * DAY);
  await a.run();
  a.later(-100 * DAY);
  await a.run();
  a.later(DAY);
  await a.run();
  assert.equal((await a.look()).ok, true);
  await takeAway(a.storage, "2026-11-23");
  a.later(DAY);
  await a.run();
  assert.deepEqual(
    (await a.look()).problems.map(({ code, snapshots }) => [code, snapshots]),
    [["SNAPSHOT_LOST", ["2026-11-23T030000Z"]]],
  );
});

test("a job that was taken out of the file is told once and listed while there are snapshots of it", async () => {
  const a = setting({ jobs: [aJob(), aJob({ name: "old docs" })] });
  await runJobs(a.backup, ["docs", "old docs"]);
  await watch(a.backup, a.backup.config.jobs, { dryRun: false });
  const b = setting({ jobs: [aJob()], storage: a.storage });
  Object.assign(b.backup.config.storage, { store: { type: "filesystem", base_path: "/nowhere" } });
  for (let times = 0; times < 2; times += 1) {
    const { jobs } = await watch(b.backup, b.backup.config.jobs, { dryRun: false });
    assert.deepEqual(
      jobs.map(({ job, ok, removed }) => [job, ok, removed]),
      [
        ["docs", true, undefined],
        ["old docs", true, true],
      ],
    );
  }
  assert.deepEqual(b.events(), [["watch", "old docs missed"]]);
  assert.match(b.ops.reports[0]?.jobs[0]?.summary ?? "", /^is not in test.yml, so it is backed up no more/);
});

test("a schedule that was changed is said and told once, and again where nobody could be told", async () => {
  const a = setting();
  await a.run();
  await a.look();
  const b = setting({ storage: a.storage, jobs: [aJob({ schedule: "0 3 1 * *" })] });
  const change = "its schedule was 0 3 * * * UTC, and is 0 3 1 * * UTC now";
  b.ops.sendFails.push(gone());
  assert.deepEqual((await b.look()).notices, [change]);
  assert.deepEqual(b.events(), []);
  assert.deepEqual((await b.look()).notices, [change]);
  assert.deepEqual((await b.look()).notices, []);
  assert.deepEqual(b.events(), [["watch", "docs changed"]]);
  const [report] = b.ops.reports;
  assert.deepEqual([report?.title, report?.status], ["docs has another schedule", "ok"]);
  assert.equal(report?.jobs[0]?.summary, change);
});

test("a storage that cannot be read is a problem of its jobs, and no other job's", async () => {
  const a = setting({ jobs: [aJob(), aJob({ name: "other", target_storage: "down" })] });
  await a.run();
  const { storage } = a.backup;
  a.backup.storage = async (job) => {
    if (job.target_storage === "down") throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted");
    return storage(job);
  };
  const { jobs } = await watch(a.backup, a.backup.config.jobs, { dryRun: false });
  assert.deepEqual(
    jobs.map(({ ok }) => ok),
    [true, false],
  );
  assert.equal(a.ops.reports[0]?.jobs[0]?.lastGood, "unknown");
});

test("what nobody could be told is told by the next watch", async () => {
  const a = setting();
  await a.run();
  a.later(3 * DAY);
  a.ops.sendFails.push(gone());
  await a.look();
  assert.deepEqual(a.events(), []);
  await a.look();
  await a.look();
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);
});

test("a second manifest that is changed is told beside the first, and by a document of before that is not", async () => {
  const a = setting();
  for (let day = 0; day < 3; day += 1) {
    await a.run();
    a.later(DAY);
  }
  a.later(-DAY);
  const change = async (day: number) => {
    const key = `docs/2026-11-${day}/030000Z/manifest.json`;
    const { content } = await a.storage.read(key, 1_000_000);
    await a.storage.put(key, bytesOf(Buffer.from(content).toString().replace('"attempts": 1', '"attempts": 2')));
  };
  await change(22);
  await a.look();
  await changeTold(a.storage, "docs", (known) => {
    assert.deepEqual(known.missed?.named, { INTEGRITY_MANIFEST: ["2026-11-22T030000Z"] });
    const { named: _, ...missed } = known.missed;
    return { ...known, missed };
  });
  await a.look();
  await a.look();
  assert.deepEqual(a.events(), [["watch", "docs missed"]]);
  await change(23);
  const { problems } = await a.look();
  assert.deepEqual(
    problems.map(({ snapshots }) => snapshots),
    [["2026-11-23T030000Z"], ["2026-11-22T030000Z"]],
  );
  await a.look();
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["watch", "docs missed"],
  ]);
});

test("who could not be reached while others were is told alone, by so many watches, until all is well", async () => {
  const [ops, duty] = [memoryNotifier(), memoryNotifier()];
  const a = setting({
    notifications: { ops: told(), duty: told() },
    notifiers: { ops: ops.notifier, duty: duty.notifier },
  });
  await a.run();
  a.later(3 * DAY);
  duty.sendFails.push(gone(), gone());
  for (let times = 0; times < 4; times += 1) await a.look();
  const toldTo = ({ reports }: typeof ops) => reports.flatMap(({ jobs, notes }) => [jobs[0]?.events, notes]);
  assert.deepEqual(toldTo(ops), [["missed"], []]);
  assert.deepEqual(toldTo(duty), [["missed"], []]);
  await runJobs(a.backup, ["docs"]);
  await a.look();
  assert.deepEqual([ops.reports.length, duty.reports.length], [2, 2]);
  a.later(3 * DAY);
  for (let times = 0; times < 40; times += 1) {
    duty.sendFails.push(gone());
    await a.look();
  }
  assert.deepEqual([ops.reports.length, duty.reports.length, duty.sendFails.length], [3, 2, 40 - 25]);
});

test("who was told in part is not told by each watch", async () => {
  const a = setting();
  await a.run();
  a.later(3 * DAY);
  a.ops.heardOf.push("docs");
  a.ops.sendFails.push(gone(), gone());
  for (let times = 0; times < 3; times += 1) await a.look();
  assert.equal(a.ops.sendFails.length, 1);
});

test("looking only tells nobody and writes nothing", async () => {
  const a = setting();
  await runJobs(a.backup, ["docs"]);
  a.later(3 * DAY);
  assert.equal((await a.look(true)).ok, false);
  assert.deepEqual(a.events(), []);
  assert.equal(await a.storage.head("docs/.told.json"), undefined);
});
