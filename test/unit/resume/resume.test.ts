import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { collect } from "../../../lib/collect.ts";
import type { Job } from "../../../lib/config/schema.ts";
import { InterruptedError, SourceError } from "../../../lib/errors.ts";
import { finish } from "../../../lib/finish.ts";
import { type LeasedBackup, underLease } from "../../../lib/lease/under-lease.ts";
import { plan } from "../../../lib/plan.ts";
import { readPlan } from "../../../lib/plan-line.ts";
import { type JobResult, type RunOptions, runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { verify } from "../../../lib/verify.ts";
import { aBackup, aJob, contentsOf } from "../../support/a-backup.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";

const IDS = ["a", "b", "c", "d", "e"];
const FOLDER = "docs/2026-11-22/030000Z/";
const SNAPSHOT = "2026-11-22T030000Z";

const whole = (ids: readonly string[] = IDS): ScriptedUnit[] =>
  ids.map((id) => ({ id, items: { [`${id}.json`]: `content of ${id}` } }));

/** Ended by an interrupt in the middle of the unit `at`; units are collected one after the other. */
async function interrupted(
  storage: Storage,
  { at = "c", units = whole(), job = {} }: { at?: string; units?: readonly ScriptedUnit[]; job?: Partial<Job> } = {},
): Promise<JobResult> {
  const controller = new AbortController();
  async function* ending() {
    yield new Uint8Array(10);
    controller.abort(new InterruptedError("SIGINT"));
    yield new Uint8Array(10);
  }
  const stopped = units.map((unit) => (unit.id === at ? { ...unit, items: { [`${at}.json`]: ending } } : unit));
  const a = aBackup({
    storage,
    units: () => stopped,
    signal: controller.signal,
    jobs: [aJob({ concurrency: 1, ...job })],
  });
  const result = await only(a);
  assert.equal(result.status, "interrupted");
  return result;
}

/** A later process, an hour on. */
function later(storage: Storage, { units = whole(), job = {}, hours = 1 } = {}) {
  const a = aBackup({ storage, units: () => units, jobs: [aJob({ concurrency: 1, ...job })] });
  a.later(hours * 3_600);
  return a;
}

async function only(a: ReturnType<typeof aBackup>, options: Partial<RunOptions> = {}): Promise<JobResult> {
  const [result] = (await runJobs(a.backup, ["docs"], options)).jobs;
  assert.ok(result);
  return result;
}

const opened = (...ids: string[]) => ids.map((id) => `${id}/${id}.json`);

test("a run that was interrupted is taken up again: finished units are not collected anew, the others are", async () => {
  const storage = memoryStorage();
  const before = await interrupted(storage);
  const record = (await contentsOf(storage)).get(`${FOLDER}.run/units/0.json`);
  const a = later(storage);
  const result = await only(a);
  assert.equal(result.status, "ok");
  assert.deepEqual(a.source.opened, opened("c", "d", "e"));
  assert.equal(result.snapshot, before.snapshot);
  assert.deepEqual(result.resumed, { at: ["2026-11-22T04:00:00.000Z"], kept: 2 });
  const { manifest, verification } = result;
  assert.deepEqual(manifest?.resumedAt, ["2026-11-22T04:00:00.000Z"]);
  assert.equal(manifest?.startedAt, "2026-11-22T03:00:00.000Z");
  assert.deepEqual(
    manifest?.units.map(({ id, status, startedAt }) => [id, status, startedAt?.slice(11, 13)]),
    [
      ["a", "ok", "03"],
      ["b", "ok", "03"],
      ["c", "ok", "04"],
      ["d", "ok", "04"],
      ["e", "ok", "04"],
    ],
  );
  assert.deepEqual([verification?.ok, verification?.proved], [true, 5]);
  assert.deepEqual((await contentsOf(storage)).get(`${FOLDER}.run/units/0.json`), record);
  assert.match(a.lines.join("\n"), /an unfinished run is taken up again snapshot=2026-11-22T030000Z units=5/);

  const next = later(storage, { hours: 2 });
  const after = await only(next);
  assert.deepEqual([after.status, after.snapshot, after.resumed], ["ok", "2026-11-22T050000Z", undefined]);
  assert.equal(after.manifest?.resumedAt, undefined);
  assert.deepEqual(next.source.opened, opened(...IDS));
});

test("units that had failed are tried again, and the plan is the stored one", async () => {
  const storage = memoryStorage();
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no right");
  await interrupted(storage, { at: "d", units: whole().map((unit) => (unit.id === "b" ? { ...unit, fails } : unit)) });
  const a = later(storage, { units: whole([...IDS, "new"]) });
  const result = await only(a);
  assert.equal(result.status, "ok");
  assert.deepEqual(a.source.opened, opened("b", "d", "e"));
  assert.deepEqual(
    result.manifest?.units.map(({ id }) => id),
    IDS,
  );
});

test("a run can be taken up again several times, and the manifest says when", async () => {
  const storage = memoryStorage();
  await interrupted(storage, { at: "b" });
  const controller = new AbortController();
  async function* ending() {
    yield new Uint8Array(10);
    controller.abort(new InterruptedError("SIGTERM"));
    yield new Uint8Array(10);
  }
  const units = whole().map((unit) => (unit.id === "d" ? { id: "d", items: { "d.json": ending } } : unit));
  const second = aBackup({
    storage,
    units: () => units,
    signal: controller.signal,
    jobs: [aJob({ concurrency: 1 })],
  });
  second.later(3_600);
  assert.deepEqual((await only(second)).resumed, { at: ["2026-11-22T04:00:00.000Z"], kept: 1 });
  const third = later(storage, { hours: 2 });
  const result = await only(third);
  const at = ["2026-11-22T04:00:00.000Z", "2026-11-22T05:00:00.000Z"];
  assert.deepEqual([result.status, result.resumed, result.manifest?.resumedAt], ["ok", { at, kept: 3 }, at]);
  assert.deepEqual(third.source.opened, opened("d", "e"));
  assert.deepEqual(
    result.manifest?.units.map(({ status }) => status),
    ["ok", "ok", "ok", "ok", "ok"],
  );
});

test("a damaged document of when a run was taken up keeps neither that run from its end nor the next one", async () => {
  for (const content of ["", '{"run":', "x".repeat(2 ** 21)]) {
    const storage = memoryStorage();
    await interrupted(storage, { at: "b" });
    await storage.put(`${FOLDER}.run/resumed/1.json`, bytesOf(content));
    const result = await only(later(storage, { hours: 2 }));
    const at = ["2026-11-22T03:00:00.000Z", "2026-11-22T05:00:00.000Z"];
    assert.deepEqual([result.status, result.snapshot, result.manifest?.resumedAt], ["ok", SNAPSHOT, at]);
    assert.deepEqual(result.resumed, { at, kept: 1 });
    // Damaged once more, where `finish` looks for it.
    await storage.remove([`${FOLDER}manifest.json`]);
    await storage.put(`${FOLDER}.run/resumed/2.json`, bytesOf(content));
    const { backup } = later(storage, { hours: 2 });
    const pointer = { job: "docs", snapshot: SNAPSHOT, run: result.manifest?.run ?? "", resumed: 2 };
    assert.equal((await finish(backup, pointer)).resumedAt?.length, 2);
    assert.equal((await only(later(storage, { hours: 3 }))).status, "ok");
  }
});

test("a unit that was collected after a resumption is reused by the next run like any other", async () => {
  const storage = memoryStorage();
  const units = whole().map((unit) => ({ ...unit, fingerprint: `of ${unit.id}` }));
  await interrupted(storage, { units });
  assert.equal((await only(later(storage, { units }))).status, "ok");
  const next = later(storage, { units, hours: 2 });
  const result = await only(next);
  assert.deepEqual(
    result.manifest?.units.map(({ status }) => status),
    Array(5).fill("unchanged"),
  );
  assert.deepEqual(next.source.opened, []);
});

const anew: readonly [string, Parameters<typeof later>[1], Partial<RunOptions>, RegExp | undefined][] = [
  [
    "that is older than resume_within",
    { hours: 13 },
    {},
    /last at work longer ago than resume_within; see run --resume/,
  ],
  ["with a shorter resume_within", { job: { resumeWithinMs: 60_000 } }, {}, /longer ago than resume_within/],
  ["with resume_within 0", { job: { resumeWithinMs: 0 } }, {}, undefined],
  ["with --no-resume", {}, { resume: "never" }, undefined],
  ["that is dated after now", { hours: -2 }, {}, /it is dated after now/],
  ["whose options have changed", { job: { options: { paths: ["/other"] } } }, {}, /configuration has changed since/],
  [
    "that hid no names, where names are to be hidden now",
    { job: { encryption: { type: "age", recipients: ["age1"], encrypt_manifest: true } } },
    {},
    /configuration has changed since/,
  ],
  [
    "whose compression has changed, also with --resume",
    { job: { compression: { type: "gzip", level: 6 } } },
    { resume: "always" },
    /configuration has changed since/,
  ],
];
for (const [what, changes, options, why] of anew) {
  test(`a run ${what} is not taken up again but begun anew`, async () => {
    const storage = memoryStorage();
    await interrupted(storage);
    const a = later(storage, changes);
    const result = await only(a, options);
    assert.equal(result.status, "ok");
    assert.notEqual(result.snapshot, SNAPSHOT);
    assert.deepEqual(a.source.opened, opened(...IDS));
    const told = a.lines.filter((line) => line.includes("an unfinished run is not taken up again"));
    assert.equal(told.length, why === undefined ? 0 : 1);
    if (why !== undefined) assert.match(told[0] ?? "", why);
  });
}

/** Twenty hours from its beginning to the end of unit b. */
async function longInterrupted(storage: Storage): Promise<void> {
  const controller = new AbortController();
  async function* long() {
    a.later(20 * 3_600);
    yield new Uint8Array(10);
  }
  async function* ending() {
    yield new Uint8Array(10);
    controller.abort(new InterruptedError("SIGTERM"));
    yield new Uint8Array(10);
  }
  const units = whole().map((unit) => {
    const content = { b: long, c: ending }[unit.id];
    return content === undefined ? unit : { ...unit, items: { [`${unit.id}.json`]: content } };
  });
  const a = aBackup({ storage, units: () => units, signal: controller.signal, jobs: [aJob({ concurrency: 1 })] });
  assert.equal((await only(a)).status, "interrupted");
}

for (const [hours, snapshot] of [
  [20 + 11, SNAPSHOT],
  [20 + 13, "2026-11-23T120000Z"],
] as const) {
  test(`${hours} hours after it began, a run that was at work for 20 of them is ${snapshot === SNAPSHOT ? "" : "not "}taken up again within 12`, async () => {
    const storage = memoryStorage();
    await longInterrupted(storage);
    assert.equal((await only(later(storage, { hours }))).snapshot, snapshot);
  });
}

/** A run that had the lease for twenty hours and wrote nothing but its plan, and then a prune. */
async function leasedInVain() {
  const a = later(memoryStorage(), { hours: 0 });
  const under = (purpose: "run" | "prune", work: (leased: LeasedBackup) => Promise<unknown>) =>
    underLease(a.backup, aJob(), { purpose, processBound: true, waitMs: 0 }, work);
  await under("run", async (leased) => {
    await plan(leased, { job: "docs", resume: "within" });
    a.later(20 * 3_600);
  });
  await under("prune", async () => {});
  return a;
}

for (const [hours, snapshot] of [
  [11, SNAPSHOT],
  [13, "2026-11-23T120000Z"],
] as const) {
  test(`a run that wrote nothing in the 20 hours in which it had the lease is ${snapshot === SNAPSHOT ? "" : "not "}taken up again ${hours} hours later, also after a prune`, async () => {
    const a = await leasedInVain();
    a.later(hours * 3_600);
    assert.equal((await only(a)).snapshot, snapshot);
  });
}

test("nor does a run that begins anew meanwhile sweep it", async () => {
  const a = await leasedInVain();
  a.later(11 * 3_600);
  const begun = await only(a, { resume: "never" });
  assert.equal(begun.status, "ok");
  assert.deepEqual(begun.prune?.swept, []);
});

test("resume_within counts from the last time that a run was taken up again, and a damaged record says nothing", async () => {
  const storage = memoryStorage();
  await interrupted(storage, { at: "a" });
  const key = `${FOLDER}.run/resumed/1.json`;
  await storage.put(key, bytesOf(JSON.stringify({ run: "r", resumedAt: ["2026-11-22T12:00:00.000Z"] })));
  await storage.put(`${FOLDER}.run/units/0.1.json`, bytesOf("{"));
  assert.equal((await only(later(storage, { hours: 20 }))).snapshot, SNAPSHOT);
  const other = memoryStorage();
  await interrupted(other, { at: "a" });
  await other.put(`${FOLDER}.run/units/0.1.json`, bytesOf("{"));
  assert.equal((await only(later(other, { hours: 20 }))).snapshot, "2026-11-22T230000Z");
});

test("with --resume a run is taken up however old it is, and without one a new one is begun", async () => {
  const storage = memoryStorage();
  await interrupted(storage, { job: { resumeWithinMs: 0 } });
  const a = later(storage, { hours: 24 * 30, job: { resumeWithinMs: 0 } });
  assert.equal((await only(a, { resume: "always" })).snapshot, SNAPSHOT);
  assert.deepEqual(a.source.opened, opened("c", "d", "e"));
  const b = later(storage, { hours: 24 * 31 });
  assert.equal((await only(b, { resume: "always" })).snapshot, "2026-12-23T030000Z");
});

test("settings that have no effect on what is stored may change", async () => {
  const storage = memoryStorage();
  await interrupted(storage, { job: { options: { a: 1, b: [{ c: 2, d: 3 }] } } });
  const job: Partial<Job> = {
    options: { b: [{ d: 3, c: 2 }], a: 1 },
    retention: { min_keep: 3, max_removals: 1 },
    timeoutMs: 1_000,
    verify: { checksum: 1, prove: false },
    concurrency: 3,
    timezone: "Europe/Berlin",
  };
  const a = later(storage, { job });
  assert.equal((await only(a)).snapshot, SNAPSHOT);
});

test("a run is not taken up again once a snapshot was made since", async () => {
  const storage = memoryStorage();
  await interrupted(storage);
  assert.equal((await only(later(storage), { resume: "never" })).status, "ok");
  assert.equal((await only(later(storage, { hours: 2 }), { resume: "always" })).snapshot, "2026-11-22T050000Z");
});

const damages: readonly [string, (storage: Storage) => Promise<unknown>, RegExp][] = [
  [
    "ended before its plan was whole",
    (storage) => storage.remove([`${FOLDER}.run/run.json`]),
    /plan was not completed/,
  ],
  ["lost its plan", (storage) => storage.remove([`${FOLDER}.run/plan.jsonl`]), /plan cannot be read: /],
  ["has a damaged plan", (storage) => storage.put(`${FOLDER}.run/plan.jsonl`, bytesOf("{")), /plan cannot be read: /],
  ["has a plan cut short", (storage) => storage.put(`${FOLDER}.run/plan.jsonl`, bytesOf("")), /plan is not whole/],
  [
    "is of a newer version",
    (storage) => storage.put(`${FOLDER}.run/run.json`, bytesOf('{"schemaVersion":2}')),
    /cannot be read: /,
  ],
];
for (const [what, damage, why] of damages) {
  test(`a run that ${what} is passed over, with a line that says so`, async () => {
    const storage = memoryStorage();
    await interrupted(storage);
    await damage(storage);
    const a = later(storage);
    const result = await only(a, { resume: "always" });
    assert.deepEqual([result.status, result.snapshot], ["ok", "2026-11-22T040000Z"]);
    assert.match(a.lines.join("\n"), why);
  });
}

test("what the former owner of a run writes late reaches neither manifest nor artifacts", async () => {
  const storage = memoryStorage();
  await interrupted(storage);
  const a = later(storage);
  const pointer = await plan(a.backup, { job: "docs", resume: "within" });
  for await (const unit of readPlan(storage, pointer)) await collect(a.backup, { ...pointer, unit });
  // Its record of the unit that is collected by now, and its artifact, which it stores only where there is none.
  const late = JSON.parse((await contentsOf(storage)).get(`${FOLDER}.run/units/2.json`)?.toString() ?? "");
  await storage.put(
    `${FOLDER}.run/units/2.json`,
    bytesOf(JSON.stringify({ ...late, status: "skipped", error: undefined })),
  );
  await assert.rejects(storage.put(`${FOLDER}c/c.json.zst`, bytesOf("late"), { ifAbsent: true }), {
    code: "STORAGE_EXISTS",
  });
  const manifest = await finish(a.backup, pointer);
  assert.deepEqual(
    manifest.units.map(({ status }) => status),
    Array(5).fill("ok"),
  );
  assert.equal((await verify(a.backup, { job: "docs", snapshot: SNAPSHOT, mode: "prove" })).ok, true);
});
