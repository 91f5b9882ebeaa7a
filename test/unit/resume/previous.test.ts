import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import type { PreviousUnit } from "../../../lib/connectors/connector.ts";
import { SourceError } from "../../../lib/errors.ts";
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
