import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleResources, scheduleRole } from "../../../infra/schedules.ts";
import { machineLogicalId } from "../../../infra/state-machines.ts";
import { aJob } from "../../support/a-backup.ts";

function windowOf(changes: { jitterMs?: number }, flexibleMinutes: number): unknown {
  const job = aJob({ schedule: "0 3 * * *", ...changes });
  const resources = scheduleResources(job, { state: "ENABLED", flexibleMinutes });
  const schedule = Object.values(resources)[0] as { readonly Properties: { readonly FlexibleTimeWindow: unknown } };
  return schedule.Properties.FlexibleTimeWindow;
}

test("jitter is the flexible window of a job's schedule, in whole minutes and at most a day; without it the stack's own counts", () => {
  assert.deepEqual(windowOf({}, 0), { Mode: "OFF" });
  assert.deepEqual(windowOf({}, 5), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 });
  assert.deepEqual(windowOf({ jitterMs: 90_000 }, 5), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 2 });
  assert.deepEqual(windowOf({ jitterMs: 3 * 86_400_000 }, 0), { Mode: "FLEXIBLE", MaximumWindowInMinutes: 1_440 });
});

test("one role starts the machines of all jobs that have a schedule, and no other one's", () => {
  const scheduled = { schedule: "0 3 * * *" };
  const jobs = [aJob({ name: "a", ...scheduled }), aJob({ name: "by hand" }), aJob({ name: "b", ...scheduled })];
  const { ScheduleRole: role } = scheduleRole(jobs, "core-backup-test") as { ScheduleRole?: { Properties: unknown } };
  const started = [...JSON.stringify(role?.Properties).matchAll(/"Ref":"(\w+)"/g)].map(([, id]) => id);
  assert.deepEqual(started, ["a", "b"].map(machineLogicalId));
  assert.deepEqual(scheduleRole([aJob()], "core-backup-test"), {});
});
