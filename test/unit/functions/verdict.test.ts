import assert from "node:assert/strict";
import { test } from "node:test";
import { handler } from "../../../functions/verdict.ts";

test("a run that did not end well fails its execution by the name of how it ended, with its outcome", async () => {
  for (const [status, name] of [
    ["partial", "BackupPartial"],
    ["failed", "BackupFailed"],
  ]) {
    const outcome = { job: "docs", status, totals: { units: 2 } };
    await assert.rejects(handler({ outcome, redriven: false }), (error: Error) => {
      assert.deepEqual([error.name, JSON.parse(error.message)], [name, outcome]);
      return true;
    });
  }
});

test("redriven, the execution goes on, to begin again with what is missing", async () => {
  assert.deepEqual(await handler({ outcome: { status: "partial" }, redriven: true }), { again: true });
});
