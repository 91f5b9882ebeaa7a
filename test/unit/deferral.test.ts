import assert from "node:assert/strict";
import { test } from "node:test";
import { collect } from "../../lib/collect.ts";
import { DeferredError, InterruptedError } from "../../lib/errors.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { readRecord } from "../../lib/record.ts";
import { aBackup, type BackupChanges } from "../support/a-backup.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

const HOUR_LATER = new Date("2026-11-22T04:00:00Z");

async function planned(unit: ScriptedUnit, changes: BackupChanges) {
  const a = aBackup({ ...changes, units: () => [unit] });
  const pointer = await plan(a.backup, { job: "docs", resume: "never" });
  const [line] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(line);
  return { ...a, pointer, line, collectAgain: () => collect(a.backup, { ...pointer, unit: line }) };
}

const waitsBefore = (item: string): ScriptedUnit => ({
  id: "r",
  items: { "a.json": "one", "b.json": "two" },
  before: async (name, { defer }) => (name === item ? defer(HOUR_LATER, "the limit is used up") : undefined),
});

test("where waiting is left to others, a long wait ends the unit with its moment, and it goes on from there", async () => {
  const a = await planned(waitsBefore("b.json"), { waits: "elsewhere" });
  await assert.rejects(a.collectAgain(), (error) => {
    assert.ok(error instanceof DeferredError);
    assert.equal(error.until.toISOString(), HOUR_LATER.toISOString());
    return true;
  });
  const record = await readRecord(a.storage, a.pointer, 0);
  assert.deepEqual(
    [record?.status, record?.deferredUntil, record?.artifacts.map(({ path }) => path)],
    ["running", HOUR_LATER.toISOString(), ["r/a.json.zst"]],
  );
  a.clock.time = HOUR_LATER;
  const ended = await a.collectAgain();
  assert.deepEqual([ended.status, ended.artifacts.map(({ path }) => path)], ["ok", ["r/a.json.zst", "r/b.json.zst"]]);
  assert.deepEqual(a.source.opened, ["r/a.json", "r/b.json"]);
  assert.equal(ended.attempts, 1);
});

test("a wait that is over, or shorter than a minute, is waited for in any place", async () => {
  const soon = waitsBefore("b.json");
  const a = await planned(
    { ...soon, before: async (_, { defer }) => defer(new Date("2026-11-22T03:00:00.020Z"), "soon") },
    { waits: "elsewhere" },
  );
  assert.equal((await a.collectAgain()).status, "ok");
});

test("at a desk the process waits, says so, and can be told to stop", async () => {
  const stop = new AbortController();
  const a = await planned(waitsBefore("b.json"), { waits: "here", signal: stop.signal });
  const ending = a.collectAgain();
  while (!a.events.some(({ type }) => type === "unit-waiting")) await new Promise((resolve) => setImmediate(resolve));
  assert.match(a.lines.join("\n"), /waiting until 2026-11-22T04:00:00.000Z: the limit is used up/);
  stop.abort(new InterruptedError("SIGINT"));
  assert.deepEqual((await ending).error?.code, "INTERRUPTED");
});
