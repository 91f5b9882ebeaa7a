import assert from "node:assert/strict";
import { test } from "node:test";
import { missedWith } from "../../../lib/notify/prune-found.ts";
import type { Told } from "../../../lib/notify/told.ts";
import { namedBy, namesAnother } from "../../../lib/notify/told-problems.ts";
import { problemsOfChain } from "../../../lib/watch/watch-job.ts";

const MONDAY = "2026-11-23T03:00:00.000Z";
const WEDNESDAY = new Date("2026-11-25T03:00:00Z");

/** Lost snapshots, one an hour from 1 January 2026 on. */
const lost = (...hours: readonly number[]) => {
  const faults = hours.map((hour) => {
    const snapshot = `${new Date(Date.UTC(2026, 0, 1, hour)).toISOString().slice(0, 13)}0000Z`;
    return { snapshot, message: `manifest.json of ${snapshot} is gone` };
  });
  return problemsOfChain(faults, []);
};

const hours = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, n) => from + n);

test("one more lost snapshot is news however many were told before, unless it is older than all that are remembered", () => {
  const told = { since: MONDAY, problems: ["SNAPSHOT_LOST"], named: namedBy(lost(...hours(500, 2500))) };
  assert.equal(told.named.SNAPSHOT_LOST?.length, 1000);
  assert.equal(namesAnother(lost(...hours(500, 2500)), told), false);
  assert.equal(namesAnother(lost(...hours(500, 2501)), told), true);
  assert.equal(namesAnother(lost(...hours(499, 2500)), told), false);
  const hole = hours(500, 2500).filter((hour) => hour !== 2000);
  const toldWithout = { ...told, named: namedBy(lost(...hole)) };
  assert.equal(namesAnother(lost(...hours(500, 2500)), toldWithout), true);
});

test("a loss is known since it was found, and not since the job was late before", () => {
  const found = lost(1);
  const missed = (...problems: readonly string[]): Told["missed"] => ({ since: MONDAY, problems: [...problems] });
  const after = (before: Told["missed"], clears: boolean) => {
    const { since, problems } = missedWith(before, found, { clears, now: WEDNESDAY }) ?? {};
    return [since, problems?.join(" ")];
  };
  assert.deepEqual(after(missed("JOB_LATE"), true), [WEDNESDAY.toISOString(), "SNAPSHOT_LOST"]);
  assert.deepEqual(after(missed("JOB_LATE", "SNAPSHOT_LOST"), true), [MONDAY, "SNAPSHOT_LOST"]);
  assert.deepEqual(after(missed("JOB_LATE"), false), [MONDAY, "JOB_LATE SNAPSHOT_LOST"]);
  assert.deepEqual(after(null, true), [WEDNESDAY.toISOString(), "SNAPSHOT_LOST"]);
  assert.equal(missedWith(missed("JOB_LATE"), [], { clears: true, now: WEDNESDAY }), null);
});
