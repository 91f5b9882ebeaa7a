import "./no-waiting.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { findingLines } from "./tally.ts";
import { liveThrough } from "./years-run.ts";

const DAYS = 3_653;

test("over ten years the newest good snapshot is always there, and what is kept is what an independent model keeps", async () => {
  const life = await liveThrough({ days: DAYS, seed: 1 });
  assert.equal(findingLines(life.findings).join("\n"), "");
  assert.equal(life.runs, DAYS);
  assert.ok(life.faults > DAYS / 20, `only ${life.faults} days were foul`);
  assert.ok(life.removed > DAYS / 2, `only ${life.removed} snapshots were removed`);
  assert.ok(life.refusals > 0, "no policy was ever refused");
});
