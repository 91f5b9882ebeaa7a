import assert from "node:assert/strict";
import { test } from "node:test";
import { notifierKinds } from "../../../lib/config/notifier-options.ts";
import { InterruptedError, SourceError, StorageError, TransientError } from "../../../lib/errors.ts";
import { checkNotifiers } from "../../../lib/notify/notifier-checks.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { type Delivery, tell } from "../../../lib/notify/tell.ts";
import { MAX_TRIES, readTold } from "../../../lib/notify/told.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob, type BackupChanges } from "../../support/a-backup.ts";
import { aJobReport } from "../../support/a-report.ts";
import { gone, type MemoryNotifier, memoryNotifier, told } from "../../support/memory-notifier.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";
import { secondsTaken } from "../../support/seconds-taken.ts";

const forbidden = () => new SourceError("SOURCE_FORBIDDEN", "no right to read it");

interface Setting extends BackupChanges {
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A backup with notifiers in memory, and a source that fails while `source.bad`. */
function setting(changes: Setting = {}, ...names: readonly string[]) {
  const notifiers: Record<string, MemoryNotifier> = {};
  for (const name of names.length === 0 ? ["ops"] : names) notifiers[name] = memoryNotifier();
  const source = { bad: false, size: 1 };
  const units = (): readonly ScriptedUnit[] => [
    { id: "good", items: { "g.json": "g".repeat(1000 * source.size) } },
    source.bad ? { id: "bad", fails: forbidden } : { id: "bad", items: { "b.json": "b" } },
  ];
  const a = aBackup({
    units,
    notifications: Object.fromEntries(Object.keys(notifiers).map((name) => [name, told(changes.options?.[name])])),
    notifiers: Object.fromEntries(Object.entries(notifiers).map(([name, { notifier }]) => [name, notifier])),
    ...changes,
  });
  const run = async (...jobs: readonly string[]) => {
    const result = await runJobs(a.backup, jobs.length === 0 ? ["docs"] : jobs);
    const { deliveries } = await notify(a.backup, { runs: result.jobs });
    a.later(86_400);
    return { ...result, deliveries };
  };
  const ops = notifiers.ops ?? memoryNotifier();
  return { ...a, source, run, notifiers, ops };
}

test("a good run is no news, a bad one is told with its errors, and the good one after it that it is good again", async () => {
  const a = setting();
  await a.run();
  assert.equal(a.ops.reports.length, 0);
  a.source.bad = true;
  await a.run();
  await a.run();
  a.source.bad = false;
  await a.run();
  await a.run();
  const jobs = a.ops.reports.map(({ jobs: [job] }) => job);
  assert.deepEqual(
    jobs.map((job) => [job?.events, job?.since, job?.badRuns, job?.summary]),
    [
      [["partial"], "2026-11-23T03:00:00.000Z", 1, "1 of 2 units failed"],
      [["partial"], "2026-11-23T03:00:00.000Z", 2, "1 of 2 units failed"],
      [["recovered"], undefined, 0, "2 units, 36 B in 0.0 s"],
    ],
  );
  assert.deepEqual(jobs[0]?.errors, [{ code: "SOURCE_FORBIDDEN", message: "no right to read it", unit: "bad" }]);
  assert.ok(typeof jobs[1]?.lastGood === "object");
  assert.equal(jobs[1].lastGood.snapshot, "2026-11-22T030000Z");
  assert.equal(jobs[1].next, "core-backup show --config test.yml --job docs --snapshot 2026-11-24T030000Z");
});

test("what is remembered may be lost: since when a job is not good is then read from its snapshots", async () => {
  const a = setting();
  await a.run();
  a.source.bad = true;
  await a.run();
  await a.storage.remove(["docs/.told.json"]);
  await a.run();
  assert.equal(a.ops.reports[1]?.jobs[0]?.since, "2026-11-23T03:00:00.000Z");
});

test("forty failing jobs are one message to each, the worst first", async () => {
  const jobs = Array.from({ length: 40 }, (_, n) => aJob({ name: `job-${n}` }));
  const a = setting({ jobs, maxJobs: 8 }, "ops", "mail");
  a.source.bad = true;
  await a.run(...jobs.map(({ name }) => name));
  for (const { reports } of Object.values(a.notifiers)) {
    assert.equal(reports.length, 1);
    assert.equal(reports[0]?.jobs.length, 40);
    assert.equal(reports[0]?.title, "of 40 jobs 40 partial");
  }
});

test("a job is told to those that it names, and a notifier hears of what it asked for", async () => {
  const jobs = [aJob({ name: "a", notify: ["mail"] }), aJob({ name: "b", notify: [] }), aJob({ name: "c" })];
  const a = setting({ jobs, options: { ops: { on: ["success"] }, mail: { on: ["partial"] } } }, "ops", "mail");
  await a.run("a", "b", "c");
  a.source.bad = true;
  await a.run("a", "b", "c");
  const named = (name: string) => a.notifiers[name]?.reports.map((report) => report.jobs.map(({ job }) => job));
  assert.deepEqual(named("ops"), [["c"]]);
  assert.deepEqual(named("mail"), [["a", "c"]]);
});

test("a run that stopped before its plan is told, with what to type", async () => {
  const a = setting();
  a.backup.storage = async () => {
    throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted on /mnt/nas");
  };
  await a.run();
  const [job] = a.ops.reports[0]?.jobs ?? [];
  assert.equal(job?.summary, "STORAGE_NOT_MOUNTED: nothing is mounted on /mnt/nas");
  assert.equal(job?.lastGood, "unknown");
  assert.equal(job?.next, "core-backup plan --config test.yml --job docs");
});

test("a failure that is told while the storage is down is told as over by the first good run, and counted on meanwhile", async () => {
  const a = setting();
  const memory = memoryStorage();
  a.backup.watchMemory = async () => memory;
  await a.run();
  const { storage } = a.backup;
  a.backup.storage = async () => {
    throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted on /mnt/nas");
  };
  await a.run();
  await a.run();
  a.backup.storage = storage;
  a.source.bad = true;
  await a.run();
  a.source.bad = false;
  await a.run();
  await a.run();
  assert.deepEqual(
    a.ops.reports.map(({ jobs: [job] }) => [job?.events, job?.since, job?.badRuns]),
    [
      [["failure"], "2026-11-23T03:00:00.000Z", 1],
      [["failure"], "2026-11-23T03:00:00.000Z", 2],
      [["partial"], "2026-11-23T03:00:00.000Z", 3],
      [["recovered"], undefined, 0],
    ],
  );
  assert.ok(!a.lines.join("\n").includes("cannot be remembered"));
});

test("thresholds are each notifier's own", async () => {
  const options = { ops: { thresholds: { grown_by: "100%", shrunk_by: "50%" } }, mail: {} };
  const a = setting({ options }, "ops", "mail");
  await a.run();
  a.source.size = 3;
  await a.run();
  a.source.size = 1;
  await a.run();
  await a.run();
  assert.deepEqual(
    a.ops.reports.map(({ jobs: [job] }) => [job?.events, job?.thresholds[0]?.slice(0, 10)]),
    [
      [["threshold"], "grew by 19"],
      [["threshold"], "shrank by "],
    ],
  );
  assert.equal(a.notifiers.mail?.reports.length, 0);
});

test("a notifier that fails is tried again, and then others are told in its place, with a note", async () => {
  const a = setting({ options: { ops: {}, mail: { on: ["missed"] } } }, "ops", "mail");
  a.source.bad = true;
  a.ops.sendFails.push(new TransientError("NOTIFIER_UNREACHABLE", "503"));
  const first = await a.run();
  assert.equal(a.ops.reports.length, 1);
  assert.deepEqual(
    first.deliveries.map(({ ok, attempts }) => [ok, attempts]),
    [[true, 2]],
  );
  a.ops.sendFails.push(gone());
  const second = await a.run();
  const mails = a.notifiers.mail?.reports ?? [];
  assert.deepEqual(
    mails.map(({ notes }) => notes),
    [["ops could not be told: nobody is there"]],
  );
  assert.deepEqual(
    second.deliveries.map(({ notifier, ok, insteadOf }) => [notifier, ok, insteadOf]),
    [
      ["ops", false, undefined],
      ["mail", true, ["ops"]],
    ],
  );
});

test("what somebody else was told already needs no stand-in, and neither do good news", async () => {
  const a = setting(
    { options: { ops: { on: ["partial", "success"] }, mail: { on: ["partial"] } } },
    "ops",
    "mail",
    "late",
  );
  a.ops.sendFails.push(gone());
  await a.run();
  assert.equal(a.notifiers.mail?.reports.length, 0);
  a.source.bad = true;
  a.ops.sendFails.push(gone());
  await a.run();
  assert.equal(a.notifiers.mail?.reports.length, 1);
  assert.deepEqual(a.notifiers.mail?.reports[0]?.notes, []);
});

test("nobody stands in with an all-clear that is owed to one that stays dead, and runs try it so many times", async () => {
  const a = setting({}, "ops", "mail");
  const mail = a.notifiers.mail ?? memoryNotifier();
  mail.sendFails.push(...Array.from({ length: 60 }, gone));
  a.source.bad = true;
  await a.run();
  a.source.bad = false;
  for (let day = 0; day < 3; day += 1) await a.run();
  const events = () => a.ops.reports.map(({ jobs: [job] }) => job?.events.join(" "));
  assert.deepEqual(events(), ["partial", "recovered"]);
  assert.deepEqual((await readTold(a.storage, "docs")).allClear, { notifiers: ["mail"], tries: 0, runs: 3 });
  for (let day = 0; day < 30; day += 1) await a.run();
  assert.deepEqual([events(), mail.sendFails.length], [["partial", "recovered"], 60 - 1 - (MAX_TRIES + 1)]);
  assert.equal((await readTold(a.storage, "docs")).allClear, undefined);
});

test("nobody stands in where some of those behind a notifier heard, and others hear of the rest", async () => {
  const jobs = [aJob({ name: "a" }), aJob({ name: "b" })];
  const a = setting({ jobs, options: { ops: {}, mail: { on: ["missed"] } } }, "ops", "mail");
  a.source.bad = true;
  a.ops.heardOf.push("a");
  a.ops.sendFails.push(gone(), gone());
  await a.run("a");
  const mails = () => a.notifiers.mail?.reports.map((report) => report.jobs.map(({ job }) => job));
  assert.deepEqual(mails(), []);
  await a.run("a", "b");
  assert.deepEqual(mails(), [["b"]]);
});

test("pings are no substitute for a message", async () => {
  const pings = memoryNotifier({ takesOver: false });
  const ops = memoryNotifier();
  const a = setting({
    notifications: { ops: told(), pings: told({ on: ["missed"] }) },
    notifiers: { ops: ops.notifier, pings: pings.notifier },
  });
  a.source.bad = true;
  ops.sendFails.push(gone());
  await a.run();
  assert.deepEqual(pings.reports, []);
});

test("a notifier that does not answer is in the manifest's warnings, and the run is as good", async () => {
  const a = setting();
  a.ops.checkFails.push(gone());
  const first = await a.run();
  assert.equal(first.status, "ok");
  assert.deepEqual(first.jobs[0]?.manifest?.warnings, [
    { code: "NOTIFIER_REFUSED", message: "notifier ops: nobody is there" },
  ]);
  const second = await a.run();
  assert.deepEqual(second.jobs[0]?.manifest?.warnings, []);
});

test("what could not be told after the manifest was written is in the next one", async () => {
  const a = setting({ options: { ops: { on: ["success"] } } });
  a.ops.sendFails.push(gone());
  assert.equal((await a.run()).status, "ok");
  assert.match(
    (await a.run()).jobs[0]?.manifest?.warnings[0]?.message ?? "",
    /^notifier ops could not be told of the run before this, at 2026-11-22T03:00:00.000Z: nobody is there$/,
  );
  assert.deepEqual((await a.run()).jobs[0]?.manifest?.warnings, []);
  assert.deepEqual((await readTold(a.storage, "docs")).undelivered, []);
});

test("a notifier that hangs takes a quarter of its time to look, a quarter to tell, and no more", async () => {
  const a = setting({ options: { ops: { on: ["success"], timeout: "2s" } } });
  a.ops.checkFails.push("hang");
  a.ops.sendFails.push("hang");
  const { status, jobs, deliveries } = await a.run();
  assert.equal(status, "ok");
  assert.deepEqual(jobs[0]?.manifest?.warnings, [
    { code: "NOTIFIER_UNREACHABLE", message: "notifier ops: did not answer within 0.5 s" },
  ]);
  assert.equal(deliveries[0]?.error?.message, "did not answer within 0.5 s");
});

test("whoever hangs, looking, telling and standing in end within the longest timeout together", async (t) => {
  const { backup, notifiers } = setting({ options: { ops: {}, mail: { on: ["missed"] } } }, "ops", "mail");
  const { ops, mail } = notifiers;
  assert.ok(ops !== undefined && mail !== undefined);
  for (const { checkFails, sendFails } of [ops, mail]) {
    checkFails.push("hang");
    sendFails.push("hang");
  }
  const jobs = [{ report: aJobReport({ events: ["failure"] }), notify: undefined, passed: () => [] }];
  let deliveries: readonly Delivery[] | undefined;
  const seconds = await secondsTaken(t.mock.timers, async () => {
    await checkNotifiers(backup, ["docs"])("docs");
    deliveries = await tell(backup, "run", jobs);
  });
  assert.deepEqual(
    deliveries?.map(({ notifier, ok, insteadOf }) => [notifier, ok, insteadOf]),
    [
      ["ops", false, undefined],
      ["mail", false, ["ops"]],
    ],
  );
  assert.ok(seconds > 20 && seconds < 23, `${seconds} s, of a timeout of 30 s, of which a quarter is for pings`);
});

test("runs that begin are told to those who want to hear of it, with their jobs", async () => {
  const jobs = [aJob({ name: "a" }), aJob({ name: "b", notify: [] })];
  const a = setting({ jobs });
  await a.run("a", "b");
  assert.deepEqual(a.ops.begun, [{ kind: "begin", jobs: ["a"], at: "2026-11-22T03:00:00.000Z" }]);
});

test("who pressed Ctrl-C is not told of it, but a run that was ended by a supervisor is", async () => {
  for (const [signal, messages] of [
    ["SIGINT", 0],
    ["SIGTERM", 1],
  ] as const) {
    const a = setting({ signal: AbortSignal.abort(new InterruptedError(signal)) });
    await notify(a.backup, { runs: [{ job: "docs", status: "interrupted" }] });
    assert.equal(a.ops.reports.length, messages);
  }
});

test("no secret is in what is told, whichever way it came there", async () => {
  const a = setting({
    units: () => [
      { id: "u", fails: () => new SourceError("SOURCE_FAILED", "said canary4711 and more\u001b[2J\nlines") },
    ],
  });
  a.backup.redaction.add("canary4711");
  await a.run();
  const text = JSON.stringify(a.ops.reports);
  assert.ok(text.includes("said *** and more\\\\x1b[2J · lines"), text);
  assert.ok(!text.includes("canary4711"));
});

test("without notifications nothing is told and nothing is written", async () => {
  const a = aBackup({});
  await runJobs(a.backup, ["docs"]);
  assert.deepEqual(await notify(a.backup, { runs: [{ job: "docs", status: "failed" }] }), {
    deliveries: [],
    jobs: [],
  });
  assert.equal(await a.storage.head("docs/.told.json"), undefined);
});

test("PagerDuty stands in for nobody with a schedule that was changed, which would end an incident", async () => {
  const [ops, duty, mail] = [memoryNotifier(), memoryNotifier(), memoryNotifier()];
  const pagerduty = notifierKinds.pagerduty.parse({ type: "pagerduty", routing_key_env: "KEY" });
  const { backup } = aBackup({
    notifications: { ops: told({ on: ["changed", "missed"] }), mail: told({ on: ["failure"] }), duty: pagerduty },
    notifiers: { ops: ops.notifier, mail: mail.notifier, duty: duty.notifier },
  });
  ops.sendFails.push(gone(), gone(), gone(), gone());
  const report = { ...aJobReport(), events: ["changed" as const], status: "ok" as const };
  const deliveries = await tell(backup, "watch", [{ report, notify: undefined, passed: () => [] }]);
  assert.deepEqual(
    deliveries.map(({ notifier, ok }) => [notifier, ok]),
    [
      ["ops", false],
      ["mail", true],
    ],
  );
  assert.equal(duty.reports.length, 0);
});
