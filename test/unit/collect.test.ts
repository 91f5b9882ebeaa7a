import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { readAll } from "../../lib/bytes.ts";
import { collect } from "../../lib/collect.ts";
import { SourceError, StorageError, TransientError } from "../../lib/errors.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import type { UnitRecord } from "../../lib/manifest.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aBackup } from "../support/a-backup.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

interface Watched {
  readonly storage: Storage;
  /** Sizes of all records that were written, in order. */
  readonly recordBytes: number[];
  /** Whatever was stored while no record spoke of it, or while one still listed what lay there before. */
  readonly unspoken: string[];
  /** Fails every change from the one of this number on, as for a process that has ended. */
  endsAt: number;
}

/** Looks at each change that `collect` makes, with the newest record at hand. */
function watched(prefix: string): Watched {
  const storage = memoryStorage();
  let record: UnitRecord | undefined;
  let changes = 0;
  const self: Watched = {
    recordBytes: [],
    unspoken: [],
    endsAt: Number.POSITIVE_INFINITY,
    storage: {
      ...storage,
      async put(key, body, options) {
        changes += 1;
        if (changes > self.endsAt) throw new StorageError("STORAGE_FAILED", "the process has ended");
        const content = await readAll(body, 1 << 28);
        const path = key.slice(prefix.length);
        if (key.includes("/.run/units/")) {
          record = JSON.parse(Buffer.from(content).toString("utf8"));
          self.recordBytes.push(content.byteLength);
        } else if (key.startsWith(prefix) && !path.startsWith(".run/")) {
          const pending = record?.pending?.some((one) => one === path || (one.endsWith("/") && path.startsWith(one)));
          const listed = record?.artifacts.some((artifact) => artifact.path === path);
          if (pending !== true || listed === true) self.unspoken.push(path);
        }
        return storage.put(
          key,
          (async function* () {
            yield content;
          })(),
          options,
        );
      },
    },
  };
  return self;
}

const PREFIX = snapshotPrefix("docs", "2026-11-22T030000Z");

async function aUnit(count: number, more: Partial<ScriptedUnit> = {}) {
  const names = Array.from({ length: count }, (_, n) => `${n}.json`);
  const items = Object.fromEntries(names.map((name) => [name, `content of ${name}`]));
  const store = watched(PREFIX);
  const a = aBackup({ storage: store.storage, units: () => [{ id: "org/app", items, compress: false, ...more }] });
  const pointer = await plan(a.backup, { job: "docs", resume: "never" });
  const [unit] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(unit);
  return { ...a, store, collectIt: () => collect(a.backup, { ...pointer, unit }) };
}

test("what is written of a unit's record grows with its artifacts, and not with their square", async () => {
  const written = async (count: number) => {
    const { store, collectIt } = await aUnit(count);
    const record = await collectIt();
    assert.deepEqual([record.status, record.artifacts.length, record.pending], ["ok", count, undefined]);
    assert.deepEqual(store.unspoken, []);
    const last = store.recordBytes.at(-1) ?? 0;
    return { writes: store.recordBytes.length, times: store.recordBytes.reduce((sum, one) => sum + one, 0) / last };
  };
  const [some, many] = [await written(500), await written(5_000)];
  assert.ok(many.writes < 100, `${many.writes} records`);
  assert.ok(many.times < 12, `${many.times} times the last one`);
  assert.ok(some.times < 12, `${some.times} times the last one`);
});

test("an attempt that begins again announces what it replaces, and its record lists none of what it has not stored", async () => {
  let fails = 1;
  const { store, collectIt } = await aUnit(40, {
    fails: () => (fails-- > 0 ? new TransientError("SOURCE_UNAVAILABLE", "once", { retryAfterMs: 1 }) : undefined),
  });
  const record = await collectIt();
  assert.deepEqual([record.status, record.attempts, record.artifacts.length], ["ok", 2, 40]);
  assert.deepEqual(store.unspoken, []);
});

for (const count of [3, 40])
  test(`one of ${count} items that is read once more takes the place of what was stored of it, which no record lists meanwhile`, async () => {
    const { store, storage, collectIt } = await aUnit(count, { again: { "1.json": "all of it" } });
    const record = await collectIt();
    assert.deepEqual([record.status, record.artifacts.length, record.pending], ["ok", count, undefined]);
    assert.deepEqual(store.unspoken, []);
    const path = "org/app/1.json";
    assert.equal(record.artifacts.find((artifact) => artifact.path === path)?.bytes, "all of it".length);
    assert.equal(Buffer.from(await readAll(await storage.get(PREFIX + path), 100)).toString(), "all of it");
  });

test("what was stored of an item stays where reading it once more fails", async () => {
  const { collectIt } = await aUnit(3, {
    again: {
      "1.json": async function* () {
        yield Buffer.from("some");
        throw new SourceError("SOURCE_INCOMPLETE", "it breaks off");
      },
    },
  });
  const record = await collectIt();
  assert.deepEqual([record.status, record.error?.code], ["failed", "SOURCE_INCOMPLETE"]);
  assert.equal(record.artifacts.find(({ path }) => path === "org/app/1.json")?.bytes, "content of 1.json".length);
  assert.equal(record.artifacts.length, 3);
});

test("what is stored is in the record half a minute later, however slow the artifacts are", async () => {
  const listed: number[] = [];
  let at = 0;
  const a = await aUnit(40, {
    before: async () => {
      a.later(31);
      at += 1;
      if (at <= 30) return;
      const [key = ""] = (await Array.fromAsync(a.storage.list(`${PREFIX}.run/units/`))).map((object) => object.key);
      const bytes = await readAll(await a.storage.get(key), 1 << 20);
      listed.push(at - 1 - JSON.parse(Buffer.from(bytes).toString("utf8")).artifacts.length);
    },
  });
  await a.collectIt();
  assert.deepEqual(new Set(listed), new Set([1]));
});

test("ended at any change, all that lies there is spoken of, and the next time collects the unit whole", async () => {
  for (let endsAt = 0; ; endsAt += 1) {
    const { store, collectIt, storage } = await aUnit(24);
    store.endsAt = endsAt;
    const ended = await collectIt().then(
      () => true,
      () => false,
    );
    assert.deepEqual(store.unspoken, []);
    store.endsAt = Number.POSITIVE_INFINITY;
    const record = await collectIt();
    assert.deepEqual([record.status, record.artifacts.length], ["ok", 24]);
    assert.deepEqual(store.unspoken, []);
    const there = await Array.fromAsync(storage.list(`${PREFIX}org/app/`));
    assert.deepEqual(
      there.map(({ key }) => key.slice(PREFIX.length)).sort(),
      record.artifacts.map(({ path }) => path).sort(),
    );
    if (ended) break;
  }
});

/** Past the timeout of a unit, and the time that what does not heed it gets. */
const LEFT_BEHIND = [60_000, 10_000];

async function recordIn(storage: Storage): Promise<UnitRecord> {
  const [key = ""] = (await Array.fromAsync(storage.list(`${PREFIX}.run/units/`))).map((object) => object.key);
  return JSON.parse(Buffer.from(await readAll(await storage.get(key), 1 << 20)).toString("utf8"));
}

test("what goes on after its unit was given up stores nothing, and does not say that the unit is running", async (t) => {
  const hanging = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const { collectIt, storage } = await aUnit(4, {
    before: async (name) => {
      if (name !== "2.json") return;
      hanging.resolve();
      await resumed.promise;
    },
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const collecting = collectIt();
  await hanging.promise;
  for (const ms of LEFT_BEHIND) t.mock.timers.tick(ms);
  const record = await collecting;
  assert.deepEqual([record.status, record.error?.code, record.artifacts.length], ["failed", "UNIT_TIMEOUT", 2]);
  resumed.resolve();
  for (let turns = 0; turns < 50; turns += 1) await turn();
  assert.equal((await recordIn(storage)).status, "failed");
  assert.equal((await Array.fromAsync(storage.list(`${PREFIX}org/app/`))).length, 2);
});

test("how a unit ended is written after what was being written of it when it was given up", async (t) => {
  const hanging = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const inner = memoryStorage();
  let records = 0;
  const slow: Storage = {
    ...inner,
    async put(key, body, options) {
      if (key.includes("/.run/units/")) records += 1;
      if (key.includes("/.run/units/") && records === 2) {
        hanging.resolve();
        await resumed.promise;
      }
      return inner.put(key, body, options);
    },
  };
  const items = { "1.json": "one", "2.json": "two" };
  const { backup } = aBackup({ storage: slow, units: () => [{ id: "org/app", items, compress: false }] });
  const pointer = await plan(backup, { job: "docs", resume: "never" });
  const [unit] = await Array.fromAsync(readPlan(slow, pointer));
  assert.ok(unit);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const collecting = collect(backup, { ...pointer, unit });
  await hanging.promise;
  for (const ms of LEFT_BEHIND) t.mock.timers.tick(ms);
  for (let turns = 0; turns < 50; turns += 1) await turn();
  resumed.resolve();
  assert.equal((await collecting).status, "failed");
  for (let turns = 0; turns < 50; turns += 1) await turn();
  assert.equal((await recordIn(inner)).status, "failed");
});
