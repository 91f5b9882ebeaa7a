import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { collect } from "../../lib/collect.ts";
import { IntegrityError, StorageError } from "../../lib/errors.ts";
import { finish } from "../../lib/finish.ts";
import { plan } from "../../lib/plan.ts";
import { type PlanLine, type RunPointer, readPlan } from "../../lib/plan-line.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aBackup, contentsOf } from "../support/a-backup.ts";
import { faultyStorage } from "../support/faulty-storage.ts";
import { resealed } from "../support/resealed.ts";

const FOLDER = "docs/2026-11-22/030000Z/";
const units = () => [
  { id: "a", items: { "a.json": "a" } },
  { id: "b", items: { "b.json": "b" } },
];

async function linesOf(storage: Storage, pointer: RunPointer): Promise<PlanLine[]> {
  const lines: PlanLine[] = [];
  for await (const line of readPlan(storage, pointer)) lines.push(line);
  return lines;
}

async function aCollectedRun(a = aBackup({ units }), which = [0, 1]) {
  const planned = await plan(a.backup, { job: "docs", resume: "never" });
  for (const unit of await linesOf(a.storage, planned)) {
    if (which.includes(unit.n)) await collect(a.backup, { ...planned, unit });
  }
  return { a, planned };
}

test("a unit without a record is UNIT_LOST", async () => {
  const { a, planned } = await aCollectedRun(undefined, [0]);
  const manifest = await finish(a.backup, planned);
  assert.equal(manifest.status, "partial");
  assert.deepEqual(
    manifest.units.map(({ id, status, error }) => [id, status, error?.code]),
    [
      ["a", "ok", undefined],
      ["b", "failed", "UNIT_LOST"],
    ],
  );
});

test("a unit whose record never ended is UNIT_LOST, and what it had stored stays named", async () => {
  const { a, planned } = await aCollectedRun();
  const key = `${FOLDER}.run/units/1.json`;
  const ended = (await contentsOf(a.storage)).get(key)?.toString() ?? "";
  const record = resealed(ended, '"status": "ok"', '"status": "running"');
  await a.storage.put(key, bytesOf(record));
  const manifest = await finish(a.backup, planned);
  assert.equal(manifest.units[1]?.error?.code, "UNIT_LOST");
  assert.equal(manifest.units[1]?.artifacts.length, 1);
});

test("a record in which one bit was turned over is not believed: its unit is UNIT_LOST, and the others are stored", async () => {
  const { a, planned } = await aCollectedRun();
  const key = `${FOLDER}.run/units/1.json`;
  const record = (await contentsOf(a.storage)).get(key)?.toString() ?? "";
  await a.storage.put(key, bytesOf(record.replace('"bytes": 1', '"bytes": 3')));
  const manifest = await finish(a.backup, planned);
  assert.deepEqual([manifest.status, manifest.units[0]?.status, manifest.units[1]?.artifacts], ["partial", "ok", []]);
  assert.equal(manifest.units[1]?.error?.code, "UNIT_LOST");
  assert.match(manifest.units[1]?.error?.message ?? "", /1[.]json: .*seal does not fit/);
});

test("a record of another run counts as none", async () => {
  const { a, planned } = await aCollectedRun();
  const key = `${FOLDER}.run/units/1.json`;
  const record = (await contentsOf(a.storage)).get(key)?.toString() ?? "";
  await a.storage.put(key, bytesOf(resealed(record, planned.run, "01OTHER")));
  assert.equal((await finish(a.backup, planned)).units[1]?.error?.code, "UNIT_LOST");
});

test("an artifact that vanished before the commit is not in the manifest, and its unit has failed", async () => {
  const { a, planned } = await aCollectedRun();
  await a.storage.remove([`${FOLDER}a/a.json.zst`]);
  const [unit] = (await finish(a.backup, planned)).units;
  assert.deepEqual([unit?.status, unit?.artifacts.length, unit?.error?.code], ["failed", 0, "INTEGRITY_MISSING"]);
});

test("finishing twice answers the same manifest and leaves the digests right", async () => {
  const { a, planned } = await aCollectedRun();
  const first = await finish(a.backup, planned);
  const before = await contentsOf(a.storage);
  a.later(30);
  assert.deepEqual(await finish(a.backup, planned), first);
  assert.deepEqual(await contentsOf(a.storage), before);
});

test("a commit whose reply was lost is recognised as done", async () => {
  const inner = memoryStorage();
  let lost = 1;
  const losing: Storage = {
    ...inner,
    async put(key, body, options) {
      const stored = await inner.put(key, body, options);
      if (key.endsWith("manifest.json") && lost-- > 0) {
        const { TransientError } = await import("../../lib/errors.ts");
        throw new TransientError("STORAGE_FAILED", "connection reset");
      }
      return stored;
    },
  };
  const { a, planned } = await aCollectedRun(aBackup({ units, storage: losing }));
  assert.equal((await finish(a.backup, planned)).status, "ok");
});

test("a plan or a manifest of another run is not taken over", async () => {
  const { a, planned } = await aCollectedRun();
  await assert.rejects(finish(a.backup, { ...planned, run: "01OTHER" }), IntegrityError);
  const other = JSON.stringify(await finish(a.backup, planned), null, 2).replace(planned.run, "01OTHER");
  await a.storage.put(`${FOLDER}manifest.json`, bytesOf(`${other}\n`));
  await assert.rejects(finish(a.backup, planned), StorageError);
});

test("a plan that the storage gives in part, and without an error, makes no manifest of that part", async () => {
  const { a, planned } = await aCollectedRun();
  const { storage } = a.backup;
  const short = faultyStorage(a.storage, [{ on: "get", key: /plan[.]jsonl$/, do: "end", atByte: 0 }]);
  await assert.rejects(finish({ ...a.backup, storage: async () => short }, planned), {
    code: "INTEGRITY_MANIFEST",
    message: "the plan of docs 2026-11-22T030000Z holds 2 units, and 1 of them could be read",
  });
  assert.equal((await finish({ ...a.backup, storage }, planned)).units.length, 2);
});

test("a unit that ended well is not collected again", async () => {
  const { a, planned } = await aCollectedRun();
  const [unit] = await linesOf(a.storage, planned);
  assert.ok(unit);
  const record = await collect(a.backup, { ...planned, unit });
  assert.equal(record.status, "ok");
  assert.deepEqual(a.source.opened, ["a/a.json", "b/b.json"]);
});

test("a unit that was begun by a process that died is collected over what it left", async () => {
  const { a, planned } = await aCollectedRun();
  const key = `${FOLDER}.run/units/0.json`;
  const ended = (await contentsOf(a.storage)).get(key)?.toString() ?? "";
  const record = resealed(ended, '"status": "ok"', '"status": "running"');
  await a.storage.put(key, bytesOf(record));
  const [unit] = await linesOf(a.storage, planned);
  assert.ok(unit);
  assert.equal((await collect(a.backup, { ...planned, unit })).status, "ok");
});

test("the plan is read line by line, and a damaged line is named", async () => {
  const a = aBackup();
  const planned = await plan(a.backup, { job: "docs", resume: "never" });
  await a.storage.put(`${FOLDER}.run/plan.jsonl`, bytesOf('{"n":0}\n'));
  await assert.rejects(linesOf(a.storage, planned), /plan\.jsonl:1 is not a line of a plan/);
});
