import assert from "node:assert/strict";
import { test } from "node:test";
import { dueAt } from "../../../lib/scheduling/due.ts";

const due = (schedule: string | undefined, since: string, timezone = "UTC") =>
  dueAt({ ...(schedule === undefined ? {} : { schedule }), timezone }, new Date(since))?.toISOString();

test("a job is due half of its way after its next time", () => {
  assert.equal(due("0 3 * * *", "2026-11-25T03:00:05Z"), "2026-11-26T15:00:00.000Z");
  assert.equal(due("@hourly", "2026-11-25T03:00:05Z"), "2026-11-25T04:30:00.000Z");
});

test("weekends of a schedule without them do not make it late, and its weekdays are not waited for longer", () => {
  assert.equal(due("0 3 * * MON-FRI", "2026-11-27T03:00:05Z"), "2026-11-30T15:00:00.000Z");
  assert.equal(due("0 3 * * MON-FRI", "2026-11-23T03:00:05Z"), "2026-11-24T15:00:00.000Z");
});

test("the wait after a time is at least a quarter of an hour and at most a day", () => {
  assert.equal(due("* * * * *", "2026-11-25T03:00:05Z"), "2026-11-25T03:17:00.000Z");
  assert.equal(due("0 3 1 * *", "2026-11-01T03:00:05Z"), "2026-12-02T03:00:00.000Z");
});

test("a run that began a little early is the one of that time", () => {
  assert.equal(due("0 3 * * *", "2026-11-25T02:59:58Z"), "2026-11-26T15:00:00.000Z");
});

test("the schedule's time zone counts, over a change of the clock too", () => {
  assert.equal(due("0 3 * * *", "2026-10-24T01:00:05Z", "Europe/Berlin"), "2026-10-25T14:00:00.000Z");
});

test("a deadline of one's own comes before the schedule, and a job with neither is never due", () => {
  const since = new Date("2026-11-25T03:00:00Z");
  const job = { schedule: "0 3 * * *", timezone: "UTC", deadlineMs: 3_600_000 };
  assert.equal(dueAt(job, since)?.toISOString(), "2026-11-25T04:00:00.000Z");
  assert.equal(due(undefined, "2026-11-25T03:00:00Z"), undefined);
});
