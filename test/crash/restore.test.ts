import "./no-waiting.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { killRestores } from "./restore-run.ts";
import { findingLines, summary } from "./tally.ts";

test("a restore that is killed anywhere can be done again by itself, or says what to remove first, and the store is as it was", async (t) => {
  const tally = await killRestores(2);
  assert.equal(findingLines(tally.findings).join("\n"), "");
  assert.equal(tally.byItself + tally.told, tally.points);
  assert.ok(tally.byItself > 3 && tally.told > 5, JSON.stringify(tally));
  t.diagnostic(`${summary(tally)}; ${tally.byItself} by itself, ${tally.told} as it was told`);
});
