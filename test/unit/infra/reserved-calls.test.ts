import assert from "node:assert/strict";
import { test } from "node:test";
import { reservedCalls } from "../../../infra/reserved-calls.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

test("what is reserved for a function that collects is enough for all of its jobs at once, or refused", () => {
  const jobs = [aJob({ name: "one", concurrency: 4 }), aJob({ name: "two", concurrency: 3 })];
  const config = { ...aBackup().backup.config, jobs };
  assert.equal(reservedCalls("", config), undefined);
  assert.equal(reservedCalls("7", config), 7);
  assert.throws(() => reservedCalls("6", config), {
    message:
      "--param=collectConcurrency=6: must be at least 7, since these jobs collect by one function: one (concurrency: 4), two (concurrency: 3)",
  });
  for (const wrong of ["0", "1.5", "many"])
    assert.throws(() => reservedCalls(wrong, config), /collectConcurrency=.*: must be a whole number above 0/);
});
