import "./no-waiting.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { steadily } from "./steady-run.ts";
import { findingLines } from "./tally.ts";

test("without a fault or a kill all promises hold too, and foreign programs restore what was stored", async () => {
  const { findings } = await steadily();
  assert.equal(findingLines(findings).join("\n"), "");
});
