import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { test } from "node:test";
import type { Backup } from "../../lib/backup.ts";
import { bytesOf } from "../../lib/bytes.ts";
import { collect } from "../../lib/collect.ts";
import type { Job, RetentionPolicy } from "../../lib/config/schema.ts";
import { InterruptedError, SourceError, StorageError } from "../../lib/errors.ts";
import { acquireLease } from "../../lib/lease/acquire-lease.ts";
import { underLease } from "../../lib/lease/under-lease.ts";
import { lostSnapshots } from "../../lib/manifest-chain.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { prune } from "../../lib/prune.ts";
import { readRemovals } from "../../lib/removals.ts";
import { runJobs } from "../../lib/run.ts";
import { listSnapshots } from "../../lib/snapshots.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { readOnlyStorage } from "../../lib/storage/read-only.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { aBackup, aJob, contentsOf } from "../support/a-backup.ts";
import { faultyStorage } from "../support/faulty-storage.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";
import { storeOnDisk, temporaryFiles } from "../support/stores.ts";

const DAY = 86_400;
const UNITS: readonly ScriptedUnit[] = [
  { id: "org/a", items: { "a.json": "a", "b.json": "b" } },
  { id: "c", fingerprint: "same", items: { "c.json": "c" } },
];

function withPolicy(backup: Backup, policy: Partial<RetentionPolicy>, changes: Partial<Job> = {}): Backup {
  const job = aJob({ retention: { min_keep: 1, max_removals: 10, ...policy }, ...changes });
  return { ...backup, config: { ...backup.config, jobs: [job] } };
}

/** One run a day from 22 November on, `status` of each given; the clock then stands an hour after the last. */
async function aStore(outcomes: readonly ("ok" | "failed" | "unverified")[], storage: Storage = memoryStorage()) {
  let units = UNITS;
  const a = aBackup({ storage, units: () => units });
  for (const [day, outcome] of outcomes.entries()) {
    if (day > 0) a.later(DAY);
    units =
      outcome === "failed"
        ? UNITS.map(({ id }) => ({ id, fails: () => new SourceError("SOURCE_FORBIDDEN", "no") }))
        : UNITS;
    const { jobs } = await runJobs(a.backup, ["docs"]);
    assert.equal(jobs[0]?.status, outcome === "failed" ? "failed" : "ok");
    if (outcome === "unverified") await storage.remove([`docs/2026-11-${22 + day}/030000Z/verified.json`]);
  }
  a.later(3_600);
  return a;
}

async function* storages() {
  yield { name: "memory", storage: memoryStorage() };
  await using disk = await storeOnDisk((path) => filesystemStorage({ basePath: path }));
  yield { name: "filesystem", storage: disk.storage };
}

const oks = (count: number) => Array.from({ length: count }, () => "ok" as const);
const input = { job: "docs", dryRun: false };
const idOf = (day: number) => `2026-11-${22 + day}T030000Z`;

async function idsIn(storage: Storage): Promise<string[]> {
  const ids: string[] = [];
  for await (const { snapshot } of listSnapshots(storage, "docs")) ids.push(snapshot);
  return ids;
}

/** All but prune's own record. */
async function besideRemovals(storage: Storage): Promise<ReadonlyMap<string, Buffer>> {
  return new Map([...(await contentsOf(storage))].filter(([key]) => key !== "docs/.removals.json"));
}

/** Whatever happened: every manifest's artifacts are there, and the newest good snapshot is whole. */
async function assertWhole(storage: Storage, newestGood: string): Promise<void> {
  const keys = new Set((await contentsOf(storage)).keys());
  let newest: string | undefined;
  for await (const { snapshot, manifest, fault, verified } of listSnapshots(storage, "docs")) {
    const prefix = `docs/${snapshot.slice(0, 10)}/${snapshot.slice(11)}/`;
    assert.ok(manifest);
    for (const { path } of manifest.units.flatMap((unit) => unit.artifacts))
      assert.ok(keys.has(prefix + path), `${snapshot} lacks ${path}`);
    assert.equal(fault, undefined);
    if (verified) newest = snapshot;
  }
  assert.equal(newest, newestGood);
}

test("what the policy does not keep is removed to the last object, the rest is untouched, and each removal is logged with its key", async () => {
  for await (const { storage } of storages()) {
    const a = await aStore(oks(4), storage);
    const before = await contentsOf(storage);
    const result = await prune(withPolicy(a.backup, { keep_last: 2 }), input);
    assert.deepEqual([result.removed, result.swept, result.refused], [[idOf(0), idOf(1)], [], undefined]);
    assert.deepEqual(
      result.decisions.map(({ snapshot, keep }) => [snapshot, keep]),
      [
        [idOf(3), true],
        [idOf(2), true],
        [idOf(1), false],
        [idOf(0), false],
      ],
    );
    const removed = (key: string) => key.startsWith("docs/2026-11-22/") || key.startsWith("docs/2026-11-23/");
    const after = new Map(await contentsOf(storage));
    const record = JSON.parse(after.get("docs/.removals.json")?.toString() ?? "");
    const since = "2026-11-22T03:00:00.000Z";
    const held = [...before].filter(([key]) => key.endsWith("/manifest.json")).map(([, text]) => JSON.parse(`${text}`));
    const upTo = (from: number, to: number) =>
      held.slice(from, to).reduce((total, { totals }) => total + totals.bytes, 0);
    // After each run all were there, and now the two newest are.
    const stored = [22, 23, 24].map((day, n) => ({ day: `2026-11-${day}`, bytes: upTo(0, n + 1) }));
    stored.push({ day: "2026-11-25", bytes: upTo(2, 4) });
    assert.deepEqual(record, {
      schemaVersion: 1,
      job: "docs",
      since,
      removed: [idOf(0), idOf(1)],
      unnamed: [idOf(3)],
      stored,
    });
    const others = (all: ReadonlyMap<string, Buffer>) =>
      new Map([...all].filter(([key]) => !removed(key) && key !== "docs/.removals.json"));
    assert.deepEqual(others(after), others(before));
    const log = a.lines.join("\n");
    assert.match(
      log,
      /^docs: removed: not among the last 2 snapshot=2026-11-22T030000Z key=docs\/2026-11-22\/030000Z\/ objects=7 bytes=\d+$/m,
    );
    for (const key of [...before.keys()].filter(removed))
      assert.ok(log.includes(`key=${key}`), `${key} is not in the log`);
  }
});

test("what the storage has locked is kept with the reason, counts as no removal, and the rest is removed", async () => {
  const a = await aStore(oks(4));
  const lock = "locked until 2026-12-24T03:00:00.000Z";
  const locking: Storage = {
    ...a.storage,
    async head(key) {
      const found = await a.storage.head(key);
      return found === undefined || !key.startsWith("docs/2026-11-22/") ? found : { ...found, lock };
    },
  };
  const backup = withPolicy({ ...a.backup, storage: async () => locking }, { keep_last: 1, max_removals: 2 });
  const { decisions, removed, refused } = await prune(backup, input);
  assert.deepEqual([removed, refused], [[idOf(1), idOf(2)], undefined]);
  assert.equal(decisions.at(-1)?.reason, `kept: ${lock}; else removed: not among the last 1`);
  assert.deepEqual(await idsIn(a.storage), [idOf(0), idOf(3)]);
});

test("a dry run plans the same and writes nothing", async () => {
  const a = await aStore(oks(4));
  const before = await contentsOf(a.storage);
  const backup = withPolicy({ ...a.backup, storage: async () => readOnlyStorage(a.storage) }, { keep_last: 2 });
  const result = await prune(backup, { job: "docs", dryRun: true });
  assert.equal(result.decisions.filter(({ keep }) => !keep).length, 2);
  assert.deepEqual([result.removed, result.swept], [[], []]);
  assert.deepEqual(await contentsOf(a.storage), before);
});

test("the manifest goes first, the run's records last, and the oldest snapshot before the others", async () => {
  const a = await aStore(oks(3));
  const batches: (readonly string[])[] = [];
  const watching: Storage = {
    ...a.storage,
    async remove(keys) {
      batches.push(keys);
      await a.storage.remove(keys);
    },
  };
  await prune(withPolicy({ ...a.backup, storage: async () => watching }, { keep_last: 1 }), input);
  assert.deepEqual(
    batches.map((keys) => keys[0]?.slice(0, "docs/2026-11-22/030000Z".length)),
    [...Array(4).fill("docs/2026-11-22/030000Z"), ...Array(4).fill("docs/2026-11-23/030000Z")],
  );
  assert.deepEqual(
    batches.slice(0, 4).map((keys) => keys.map((key) => key.slice("docs/2026-11-22/030000Z/".length))),
    [
      ["manifest.json"],
      ["verified.json", "SHA256SUMS"],
      ["c/c.json.zst", "org/a/a.json.zst", "org/a/b.json.zst"],
      [".run/plan.jsonl", ".run/run.json", ".run/units/0.json", ".run/units/1.json"],
    ],
  );
});

/** Removes key by key, and dies after the `n`-th one. */
function dyingAfter(storage: Storage, n: number): Storage {
  let removals = 0;
  return {
    ...storage,
    async remove(keys) {
      for (const key of keys) {
        await storage.remove([key]);
        removals += 1;
        if (removals === n) throw new StorageError("STORAGE_FAILED", "killed");
      }
    },
  };
}

async function copyInMemory(storage: Storage): Promise<Storage> {
  const copy = memoryStorage();
  for (const [key, content] of await contentsOf(storage)) await copy.put(key, bytesOf(content));
  return copy;
}

for (const name of ["memory", "filesystem"]) {
  test(`killed after any single removal, no manifest names what is gone, and the next prune finishes (${name})`, async () => {
    const onDisk = (path: string) => filesystemStorage({ basePath: path });
    await using made = name === "filesystem" ? await storeOnDisk(onDisk) : undefined;
    const a = await aStore(["ok", "unverified", "ok", "ok"], made?.storage);
    let points = 0;
    for (let n = 1; ; n += 1) {
      await using disk = made === undefined ? undefined : await storeOnDisk(onDisk);
      if (made !== undefined && disk !== undefined) await cp(made.basePath, disk.basePath, { recursive: true });
      const storage = disk?.storage ?? (await copyInMemory(a.storage));
      const backup = { ...withPolicy(a.backup, { keep_last: 2 }), storage: async () => storage };
      const dying = prune({ ...backup, storage: async () => dyingAfter(storage, n) }, input);
      const died = await dying.then(
        () => false,
        () => true,
      );
      await assertWhole(storage, idOf(3));
      // Nor is it taken for tampering, before the next prune or after it.
      assert.deepEqual((await surveyJob(storage, "docs", a.clock.time)).lost, []);
      const { refused } = await prune(backup, input);
      assert.equal(refused, undefined);
      assert.deepEqual((await surveyJob(storage, "docs", a.clock.time)).lost, []);
      await assertWhole(storage, idOf(3));
      assert.deepEqual(await idsIn(storage), [idOf(2), idOf(3)]);
      assert.deepEqual(
        [...(await contentsOf(storage)).keys()].filter(
          (key) => !/^docs\/(2026-11-2[45]\/|\.lease$|\.removals)/.test(key),
        ),
        [],
      );
      if (disk !== undefined) assert.deepEqual(await temporaryFiles(disk.basePath), []);
      if (!died) break;
      points += 1;
    }
    // Ten keys of each; that verified.json is absent from one is no failure.
    assert.equal(points, 20);
  });
}

test("what prune removed is remembered for as long as a manifest names it", async () => {
  const a = await aStore(oks(3));
  const recorded = async () => [...(await readRemovals(a.storage, "docs")).removed];
  for (let days = 3; days < 8; days += 1) {
    await prune(withPolicy(a.backup, { keep_last: 1 }), input);
    const [newest] = await idsIn(a.storage);
    assert.equal((await recorded()).at(-1), idOf(days - 2));
    assert.ok((await recorded()).length <= 2, (await recorded()).join());
    assert.equal(newest, idOf(days - 1));
    a.later(DAY - 3_600);
    await runJobs(a.backup, ["docs"]);
    a.later(3_600);
  }
});

test("what went before prune recorded it, or while the record was lost, is not taken for tampering; what goes later is", async () => {
  for (const record of ["never written", "damaged"] as const) {
    const a = await aStore(oks(3));
    const lost = async () => (await surveyJob(a.storage, "docs", a.clock.time)).lost.map(({ message }) => message);
    const nextDay = async () => {
      a.later(DAY);
      await runJobs(a.backup, ["docs"]);
    };
    // As a prune of an earlier version leaves the store.
    const gone = (await contentsOf(a.storage)).keys().filter((key) => key.startsWith("docs/2026-11-23/"));
    await a.storage.remove([...gone]);
    assert.match((await lost()).join(), /2026-11-23T030000Z is gone/);
    if (record === "damaged") await a.storage.put("docs/.removals.json", bytesOf("{"));
    else await a.storage.remove(["docs/.removals.json"]);
    assert.deepEqual(await lost(), []);
    assert.deepEqual(await lostSnapshots(a.storage, "docs", Number.POSITIVE_INFINITY), []);
    await nextDay();
    await nextDay();
    assert.deepEqual(await lost(), []);
    assert.doesNotMatch(a.lines.join("\n"), /is gone/);
    const later = (await contentsOf(a.storage)).keys().filter((key) => key.startsWith("docs/2026-11-25/"));
    await a.storage.remove([...later]);
    assert.match((await lost()).join(), /^manifest.json of 2026-11-25T040000Z is gone, though 2026-11-26T040000Z/);
  }
});

test("on a full disk prune removes, and records it as soon as that has made room", async () => {
  const a = await aStore(oks(4));
  let isFull = true;
  const full: Storage = {
    ...a.storage,
    async put(...args) {
      if (isFull) throw new StorageError("STORAGE_FULL", "no space left");
      return a.storage.put(...args);
    },
    async remove(keys) {
      await a.storage.remove(keys);
      // What a manifest takes is no room yet.
      isFull &&= keys.some((key) => key.endsWith("manifest.json"));
    },
  };
  const backup = withPolicy({ ...a.backup, storage: async () => full }, { keep_last: 1 });
  const job = aJob();
  const pruned = await underLease(backup, job, { purpose: "prune", processBound: true, waitMs: 0 }, (leased) =>
    prune(leased, input),
  );
  assert.deepEqual(pruned.removed, [idOf(0), idOf(1), idOf(2)]);
  assert.deepEqual(await idsIn(a.storage), [idOf(3)]);
  assert.deepEqual([...(await readRemovals(a.storage, "docs")).removed], [idOf(0), idOf(1), idOf(2)]);
  assert.deepEqual(await lostSnapshots(a.storage, "docs", 30), []);
  assert.equal(a.lines.filter((line) => line.includes("recorded once there is room")).length, 1);

  const other = withPolicy({ ...a.backup, storage: async () => ({ ...a.storage, put: refused }) }, { keep_last: 1 });
  a.later(DAY);
  await assert.rejects(prune(other, input), { code: "STORAGE_FORBIDDEN" });
});

const refused = () => Promise.reject(new StorageError("STORAGE_FORBIDDEN", "no"));

test("a snapshot that a killed prune was to remove and the policy keeps now is no leftover when it loses its manifest", async () => {
  const a = await aStore(oks(4));
  const dying: Storage = {
    ...a.storage,
    remove: async () => {
      throw new StorageError("STORAGE_FAILED", "killed");
    },
  };
  const killed = withPolicy({ ...a.backup, storage: async () => dying }, { keep_last: 2 });
  await assert.rejects(prune(killed, input), { code: "STORAGE_FAILED" });
  assert.deepEqual([...(await readRemovals(a.storage, "docs")).removed], [idOf(0)]);
  const wide = withPolicy(a.backup, { keep_last: 10 });
  await prune(wide, input);
  assert.deepEqual([...(await readRemovals(a.storage, "docs")).removed], []);
  await a.storage.remove(["docs/2026-11-22/030000Z/manifest.json"]);
  const { lost } = await surveyJob(a.storage, "docs", a.clock.time);
  assert.match(lost.map(({ message }) => message).join(), /2026-11-22T030000Z is gone/);
  const { swept } = await prune(wide, input);
  assert.deepEqual(swept, []);
  assert.ok((await contentsOf(a.storage)).has("docs/2026-11-22/030000Z/org/a/a.json.zst"));
});

test("a snapshot that somebody took away by its documents is kept as a failed one, with a warning", async () => {
  const a = await aStore(oks(4));
  await a.storage.remove(["manifest.json", "verified.json"].map((name) => `docs/2026-11-24/030000Z/${name}`));
  a.later(10 * DAY);
  const { removed, swept } = await prune(withPolicy(a.backup, { keep_days: 30 }), input);
  assert.deepEqual([removed, swept], [[], []]);
  assert.ok((await contentsOf(a.storage)).has("docs/2026-11-24/030000Z/org/a/a.json.zst"));
  assert.match(
    a.lines.join("\n"),
    /warn: docs: manifest.json of 2026-11-24T030000Z is gone, though 2026-11-25T030000Z followed it/,
  );
});

test("more removals than max_removals: nothing is removed, and the result says what to do", async () => {
  const a = await aStore(oks(5));
  const before = await contentsOf(a.storage);
  const result = await prune(withPolicy(a.backup, { keep_last: 1, max_removals: 3 }), input);
  assert.match(
    result.refused ?? "",
    /would remove 4 of 5 snapshots, which is more than max_removals: 3; nothing was removed/,
  );
  assert.deepEqual(result.removed, []);
  assert.deepEqual(await contentsOf(a.storage), before);
});

test("after a failed run nothing is removed or swept", async () => {
  const a = await aStore(["ok", "ok", "failed"]);
  await a.storage.put("docs/2026-11-20/030000Z/.run/plan.jsonl", bytesOf(""));
  const before = await besideRemovals(a.storage);
  const { removed, swept, decisions } = await prune(withPolicy(a.backup, { keep_last: 1 }), input);
  assert.deepEqual([removed, swept, decisions.every(({ keep }) => keep)], [[], [], true]);
  assert.deepEqual(await besideRemovals(a.storage), before);
});

test("a newest snapshot whose manifest is damaged or lost holds everything", async () => {
  for (const damage of ["edit", "lose"] as const) {
    const a = await aStore(oks(3));
    const key = "docs/2026-11-24/030000Z/manifest.json";
    if (damage === "edit") await a.storage.put(key, bytesOf("{}"));
    else await a.storage.remove([key]);
    const before = await besideRemovals(a.storage);
    const result = await prune(withPolicy(a.backup, { keep_last: 1 }), input);
    assert.deepEqual([result.removed, result.swept, result.refused], [[], [], undefined]);
    assert.match(result.decisions.at(-1)?.reason ?? "", /kept: the newest run \(2026-11-24T030000Z\) failed/);
    assert.deepEqual(await besideRemovals(a.storage), before);
    assert.match(a.lines.join("\n"), /warn: docs: .*manifest\.json/);
  }
});

test("a good snapshot that lost its manifest is not taken for an unfinished run while the policy would keep it", async () => {
  const a = await aStore(oks(3));
  await a.storage.remove(["docs/2026-11-23/030000Z/manifest.json"]);
  a.later(10 * DAY);
  const { removed, swept } = await prune(withPolicy(a.backup, { keep_days: 30 }), input);
  assert.deepEqual([removed, swept], [[], []]);
  assert.ok((await contentsOf(a.storage)).has("docs/2026-11-23/030000Z/org/a/a.json.zst"));
});

test("snapshots that were never verified do not push out a verified one", async () => {
  const a = await aStore(["ok", "unverified", "unverified", "unverified"]);
  const { removed } = await prune(withPolicy(a.backup, { keep_last: 1 }), input);
  assert.deepEqual(removed, []);
  assert.deepEqual(await idsIn(a.storage), [idOf(0), idOf(1), idOf(2), idOf(3)]);
});

test("when the newest good snapshot vanishes between plan and removal, nothing is removed", async () => {
  const a = await aStore(oks(3));
  const newest = "docs/2026-11-24/030000Z/manifest.json";
  const racing: Storage = {
    ...a.storage,
    async read(key, maxBytes) {
      const document = await a.storage.read(key, maxBytes);
      if (key === "docs/2026-11-24/030000Z/verified.json") await a.storage.remove([newest]);
      return document;
    },
  };
  const result = await prune(withPolicy({ ...a.backup, storage: async () => racing }, { keep_last: 1 }), input);
  assert.match(result.refused ?? "", /the newest good snapshot 2026-11-24T030000Z was removed by someone else/);
  assert.deepEqual(await idsIn(a.storage), [idOf(0), idOf(1)]);
});

/** A run that got as far as its first unit and was then ended from outside, at 12:00 on the first day; `hours` after that it did the unit. */
async function withUnfinished(days: number, { hours = 0 } = {}) {
  const a = await aStore(["ok"]);
  const day = (days: number) => new Date(Date.parse("2026-11-22T03:00:00Z") + days * DAY * 1_000);
  a.clock.time = day(days);
  await runJobs(a.backup, ["docs"]);
  // Only now, for that run would have swept it.
  a.clock.time = new Date("2026-11-22T12:00:00Z");
  const planned = await plan(a.backup, { job: "docs", resume: "never" });
  a.later(hours * 3_600);
  for await (const unit of readPlan(a.storage, planned)) {
    await collect(a.backup, { ...planned, unit });
    break;
  }
  a.clock.time = day(days);
  a.later(3_600);
  return a;
}

const left = async (storage: Storage) =>
  [...(await contentsOf(storage)).keys()].filter((key) => key.includes("/120000Z/")).length;

test("an unfinished run is left alone within resume_within, and swept after it with a line in the log", async () => {
  const a = await withUnfinished(1);
  const patient = withPolicy(a.backup, { keep_last: 5 }, { resumeWithinMs: DAY * 1_000 });
  const kept = await prune(patient, input);
  assert.deepEqual(kept.swept, []);
  assert.equal(
    kept.decisions.find(({ snapshot }) => snapshot === "2026-11-22T120000Z")?.reason,
    "kept: unfinished run; it was at work within resume_within (1d)",
  );
  a.later(10 * 3_600);
  const result = await prune(patient, input);
  assert.deepEqual([result.swept, result.removed, await left(a.storage)], [["2026-11-22T120000Z"], [], 0]);
  assert.match(
    a.lines.join("\n"),
    /removed: unfinished run; it was last at work longer ago than resume_within \(1d\) snapshot=2026-11-22T120000Z key=docs\/2026-11-22\/120000Z\//,
  );
});

test("an unfinished run that was long at work is left alone as long as a run takes it up again", async () => {
  const a = await withUnfinished(2, { hours: 30 });
  const patient = withPolicy(a.backup, { keep_last: 5 }, { resumeWithinMs: 12 * 3_600_000 });
  assert.deepEqual((await prune(patient, input)).swept, []);
  a.later(3 * 3_600);
  assert.deepEqual((await prune(patient, input)).swept, ["2026-11-22T120000Z"]);
});

test("with resume_within 0 an unfinished run is swept with the next good snapshot", async () => {
  const a = await withUnfinished(1);
  const { swept } = await prune(withPolicy(a.backup, { keep_last: 5 }, { resumeWithinMs: 0 }), input);
  assert.deepEqual(swept, ["2026-11-22T120000Z"]);
});

test("a plan of what prune would do leaves the run alone that holds the lease", async () => {
  const a = await withUnfinished(3);
  const request = { purpose: "run", processBound: true, waitMs: 0 } as const;
  const lease = await acquireLease(a.storage, "docs", request, a.backup);
  await lease.describe({ run: "01RUN", snapshot: "2026-11-22T120000Z" });
  const looking = { job: "docs", dryRun: true };
  const reason = async () =>
    (await prune(withPolicy(a.backup, { keep_last: 5 }), looking)).decisions.find(({ snapshot }) =>
      snapshot.endsWith("120000Z"),
    )?.reason;
  assert.equal(await reason(), "kept: unfinished run; it holds the job's lease, so it is going on");
  await lease.release();
  assert.match((await reason()) ?? "", /^kept: unfinished run; it was at work within resume_within/);
  a.later(DAY);
  assert.match((await reason()) ?? "", /^removed: unfinished run; /);
});

test("an unfinished run is kept while no newer snapshot is good: it may hold what nothing else does", async () => {
  const a = await withUnfinished(2);
  await a.storage.remove(["docs/2026-11-24/030000Z/verified.json"]);
  a.later(90 * DAY);
  assert.deepEqual((await prune(withPolicy(a.backup, { keep_last: 5 }), input)).swept, []);
});

test("a run that is committed after the plan was made is not swept", async () => {
  const a = await withUnfinished(2);
  const manifest = (await contentsOf(a.storage)).get("docs/2026-11-22/030000Z/manifest.json") ?? "";
  const key = "docs/2026-11-22/120000Z/manifest.json";
  let asked = 0;
  // First for the unfinished runs, then for the snapshots, then right before the sweep.
  const committing: Storage = {
    ...a.storage,
    async head(wanted) {
      if (wanted === key) asked += 1;
      if (wanted === key && asked === 3) await a.storage.put(key, bytesOf(manifest));
      return a.storage.head(wanted);
    },
  };
  assert.deepEqual(
    (await prune(withPolicy({ ...a.backup, storage: async () => committing }, { keep_last: 5 }), input)).swept,
    [],
  );
  assert.equal(asked, 3);
  assert.ok((await left(a.storage)) > 3);
});

test("an interrupt stops between two snapshots, and a storage that cannot be read removes nothing", async () => {
  const controller = new AbortController();
  const a = await aStore(oks(4));
  const stopping: Storage = {
    ...a.storage,
    async remove(keys) {
      await a.storage.remove(keys);
      controller.abort(new InterruptedError("SIGTERM"));
    },
  };
  const backup = withPolicy(a.backup, { keep_last: 1 });
  await assert.rejects(
    prune({ ...backup, signal: controller.signal, storage: async () => stopping }, input),
    InterruptedError,
  );
  assert.deepEqual(await idsIn(a.storage), [idOf(1), idOf(2), idOf(3)]);
  const error = new StorageError("STORAGE_FAILED", "input/output error");
  const broken = faultyStorage(a.storage, [{ on: "read", call: 3, do: "fail", error, when: "before" }]);
  await assert.rejects(prune({ ...backup, storage: async () => broken }, input), /input\/output error/);
  assert.deepEqual(await idsIn(a.storage), [idOf(1), idOf(2), idOf(3)]);
});
