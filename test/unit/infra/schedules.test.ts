import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleResources } from "../../../infra/schedules.ts";
import { aJob } from "../../support/a-backup.ts";

function windowOf(changes: { jitterMs?: number }, flexibleMinutes: number): unknown {
  const job = aJob({ schedule: "0 3 * * *", ...changes });
  const resources = scheduleResources(job, { stack: "core-backup-test", state: "ENABLED", flexibleMinutes });
  const schedule = Object.values(resources)[0] as { readonly Properties: { readonly FlexibleTimeWindow: unknown } };
  return schedule.Properties.FlexibleTimeWindow;
}

test("jitter is the flexible window of a job's schedule, in whole minutes and at most a day; without it the stack's own counts", () => {
  assert.deepEqual(windowOf({}, 0), { Mode: "OFF" });
  assert.deepEqual(windowOf({}, 5), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 });
  assert.deepEqual(windowOf({ jitterMs: 90_000 }, 5), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 2 });
  assert.deepEqual(windowOf({ jitterMs: 3 * 86_400_000 }, 0), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 1_440 });
});
