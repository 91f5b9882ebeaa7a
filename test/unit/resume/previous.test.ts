import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import type { PreviousUnit } from "../../../lib/connectors/connector.ts";
import { SourceError } from "../../../lib/errors.ts";
import { knownUnits } from "../../../lib/known-units.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup } from "../../support/a-backup.ts";
import type { ScriptedUnit } from "../../support/scripted-connector.ts";

const FIRST = "2026-11-22T030000Z";

/** Runs once for each of the given states of the source, a day apart, and answers the units of each manifest. */
async function nights(
  states: readonly (readonly ScriptedUnit[])[],
  between: (a: ReturnType<typeof aBackup>, night: number) => Promise<void> = async () => {},
) {
  let now = states[0] ?? [];
  const a = aBackup({ units: () => now });
  const results = [];
  for (const [night, state] of states.entries()) {
    now = state;
    const [job] = (await runJobs(a.backup, ["docs"])).jobs;
    assert.ok(job?.manifest);
    results.push(job);
    await between(a, night);
    a.later(86_400);
  }
  return { ...a, jobs: results, units: results.map(({ manifest }) => manifest?.units ?? []) };
}

test("an unchanged item is taken over from the last snapshot, and what changed is collected", async () => {
  const items = { "a.json": "one", "b.json": "two" };
  const { units, source, jobs } = await nights([[{ id: "r", items }], [{ id: "r", items, unchanged: ["a.json"] }]]);
  assert.deepEqual(source.opened, ["r/a.json", "r/b.json", "r/b.json"]);
  assert.deepEqual(
    units[1]?.[0]?.artifacts.map(({ path, reusedFrom }) => [path, reusedFrom]),
    [
      ["r/a.json.zst", FIRST],
      ["r/b.json.zst", undefined],
    ],
  );
  assert.equal(units[1]?.[0]?.status, "ok");
  // Of two artifacts one is new and proved; the other's proof is inherited, and its share of ten percent read again.
  assert.equal(jobs[1]?.verification?.proved, 2);
});

test("a unit of which every item is unchanged is unchanged", async () => {
  const items = { "a.json": "one" };
  const { units } = await nights([[{ id: "r", items }], [{ id: "r", items, unchanged: ["a.json"] }]]);
  assert.deepEqual([units[1]?.[0]?.status, units[1]?.[0]?.reusedFrom], ["unchanged", FIRST]);
});

test("over a damaged record of the last snapshot an unchanged item is collected, and the log says why", async () => {
  const items = { "a.json": "one" };
  const { units, source, lines } = await nights(
    [[{ id: "r", items }], [{ id: "r", items, unchanged: ["a.json"] }]],
    async ({ storage }, night) => {
      if (night === 0) await storage.put("docs/2026-11-22/030000Z/.run/units/0.json", bytesOf("{"));
    },
  );
  assert.deepEqual(source.opened, ["r/a.json", "r/a.json"]);
  assert.equal(units[1]?.[0]?.status, "ok");
  assert.ok(lines.some((line) => /nothing is taken over .*units\/0[.]json is not JSON/.test(line)));
});

test("an unchanged item that is gone from the storage is collected", async () => {
  const items = { "a.json": "one" };
  const { units, source, jobs } = await nights(
    [[{ id: "r", items }], [{ id: "r", items, unchanged: ["a.json"] }]],
    async ({ storage }, night) => (night === 0 ? storage.remove(["docs/2026-11-22/030000Z/r/a.json.zst"]) : undefined),
  );
  assert.deepEqual(source.opened, ["r/a.json", "r/a.json"]);
  assert.equal(units[1]?.[0]?.status, "ok");
  assert.equal(jobs[1]?.verification?.ok, true);
});

test("a unit that was renamed is found by its identity, and what it holds lies under its new name", async () => {
  const items = { "a.json": "one" };
  const { units, jobs } = await nights([
    [{ id: "org/old", identity: "7", items }],
    [{ id: "org/new", identity: "7", items, unchanged: ["a.json"] }],
  ]);
  assert.deepEqual(
    units[1]?.[0]?.artifacts.map(({ path, reusedFrom }) => [path, reusedFrom]),
    [["org/new/a.json.zst", FIRST]],
  );
  assert.deepEqual(jobs[1]?.manifest?.warnings, []);
  assert.equal(jobs[1]?.verification?.proved, 1);
});

test("another unit under an old name has no past", async () => {
  let previous: PreviousUnit | undefined | null = null;
  const before: ScriptedUnit["before"] = async (_, context) => {
    previous = context.previous;
  };
  await nights([
    [{ id: "r", identity: "7", items: { "a.json": "1" } }],
    [{ id: "r", identity: "8", items: { "a.json": "1" }, before }],
  ]);
  assert.equal(previous, undefined);
});

test("the connector can read what the last snapshot holds, with its facts", async () => {
  let read: unknown;
  const before: ScriptedUnit["before"] = async (_, { previous }) => {
    const artifact = previous?.artifacts.get("a.json");
    if (artifact === undefined) return;
    read = [previous?.snapshot, artifact.facts, Buffer.from(await readAll(artifact.open(), 100)).toString()];
  };
  const unit = { id: "r", items: { "a.json": "one" }, before };
  await nights([[unit], [unit]]);
  assert.deepEqual(read, [FIRST, { made: true }, "one"]);
});

test("what a unit held before it failed is still known the night after", async () => {
  const seen: (string | undefined)[] = [];
  const before: ScriptedUnit["before"] = async (_, { previous }) => {
    seen.push(previous?.snapshot);
  };
  const good = { id: "good", items: { "a.json": "1" } };
  const whole = { id: "r", items: { "a.json": "1" }, before };
  const broken = { ...whole, fails: () => new SourceError("SOURCE_FORBIDDEN", "no") };
  await nights([
    [good, whole],
    [good, broken],
    [good, broken],
    [good, whole],
  ]);
  assert.deepEqual(seen, [undefined, FIRST, FIRST, FIRST]);
});

test("what failed without its identity, for it was not shown, is known again by the id that it had, and only as itself", async () => {
  const seen: (string | undefined)[] = [];
  const before: ScriptedUnit["before"] = async (_, { previous }) => {
    seen.push(previous?.snapshot);
  };
  const good = { id: "good", items: { "a.json": "1" } };
  const shown = { id: "r", identity: "7", items: { "a.json": "1" }, before };
  const hidden = { id: "r", fails: () => new SourceError("SOURCE_NOT_FOUND", "not shown") };
  await nights([
    [good, shown],
    [good, hidden],
    [good, shown],
    [good, hidden],
    [good, { ...shown, identity: "8" }],
  ]);
  assert.deepEqual(seen, [undefined, FIRST, undefined]);
});

test("what a unit stored when it failed is known and taken over, for as long as it was not whole since", async () => {
  const items = { "a.json": "1", "b.json": "2" };
  const seen: unknown[] = [];
  const before: ScriptedUnit["before"] = async (item, { previous, salvage }) => {
    if (item === "a.json") seen.push([previous?.snapshot, salvage?.snapshot, salvage?.artifacts.get(item)?.facts]);
  };
  const broken = { id: "r", items, before, fails: () => new SourceError("SOURCE_INCOMPLETE", "half") };
  const SECOND = "2026-11-23T030000Z";
  const { units, source, jobs, storage, backup } = await nights([
    [broken],
    [{ ...broken, salvaged: ["a.json"] }],
    [{ ...broken, items: {} }],
    [{ id: "r", items, before, salvaged: ["a.json", "b.json"] }],
    [broken],
  ]);
  const facts = { made: true };
  // Of nights in which nothing was stored the one before counts.
  assert.deepEqual(seen, [
    [undefined, undefined, undefined],
    [undefined, FIRST, facts],
    [undefined, SECOND, facts],
    ["2026-11-25T030000Z", undefined, undefined],
  ]);
  assert.deepEqual(
    units.map(([unit]) => unit?.artifacts.map(({ reusedFrom }) => reusedFrom)),
    [[undefined, undefined], [FIRST, undefined], [], [SECOND, SECOND], [undefined, undefined]],
  );
  assert.deepEqual(
    source.opened,
    ["a", "b", "b", "a", "b"].map((name) => `r/${name}.json`),
  );
  assert.equal(jobs[3]?.verification?.ok, true);
  const known = await knownUnits(storage, "docs", undefined, backup.now());
  assert.deepEqual(
    known.all().map(({ id, snapshot }) => [id, snapshot]),
    [["r", "2026-11-25T030000Z"]],
  );
});

test("a failed run that was cut short does not hide what a failed one before it stored", async () => {
  const items = { "a.json": "1", "b.json": "2" };
  const seen: unknown[] = [];
  const before: ScriptedUnit["before"] = async (item, { salvage }) => {
    if (item === "a.json") seen.push([...(salvage?.artifacts ?? [])].map(([name, { snapshot }]) => [name, snapshot]));
  };
  const broken = { id: "r", items, before, fails: () => new SourceError("SOURCE_INCOMPLETE", "half") };
  const short = { ...broken, items: { "a.json": "1" } };
  const { units, storage, backup } = await nights([
    [broken],
    [short],
    [short],
    [{ ...broken, salvaged: ["a.json", "b.json"] }],
  ]);
  const third = "2026-11-24T030000Z";
  assert.deepEqual(seen.at(-1), [
    ["a.json", third],
    ["b.json", FIRST],
  ]);
  assert.deepEqual(
    units[3]?.[0]?.artifacts.map(({ reusedFrom }) => reusedFrom),
    [third, FIRST],
  );
  const known = await knownUnits(storage, "docs", undefined, backup.now());
  const { salvage } = await known.of({ id: "r", compute: "lambda", input: {} });
  assert.deepEqual(
    salvage?.map(({ snapshot }) => snapshot),
    ["2026-11-25T030000Z"],
    "one that holds all is enough",
  );
});

test("a unit that never was whole is known by what it stored, and must not pass for one that was empty", async () => {
  const broken = { id: "r", items: { "a.json": "1" }, fails: () => new SourceError("SOURCE_INCOMPLETE", "half") };
  const empty = { id: "r", fails: () => new SourceError("SOURCE_EMPTY", "it is empty") };
  const { units, storage, backup } = await nights([[broken], [empty], [empty]]);
  for (const [unit] of units.slice(1)) {
    assert.equal(unit?.status, "failed");
    assert.match(unit?.error?.message ?? "", /but it was not empty in snapshot 2026-11-22T030000Z/);
  }
  const known = await knownUnits(storage, "docs", undefined, backup.now());
  assert.deepEqual(
    known.all().map(({ id, snapshot, facts }) => [id, snapshot, facts("a.json")]),
    [["r", FIRST, { made: true }]],
  );
});
