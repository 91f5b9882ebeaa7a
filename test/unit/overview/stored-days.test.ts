import assert from "node:assert/strict";
import { test } from "node:test";
import { storedChange, storedDays, storedInAll } from "../../../lib/overview/stored-days.ts";

const on = (day: number, bytes: number) => ({ day: `2026-11-${day}`, bytes });

test("a day without a record is as the one before it, today is what is stored now, and nothing is known before the first", () => {
  const days = [on(20, 5), on(21, 5), on(22, 7), on(23, 7), on(24, 9)];
  assert.deepEqual(storedDays([on(20, 5), on(22, 7)], on(24, 9), 60), days);
  assert.deepEqual(storedDays([], on(24, 9), 60), [on(24, 9)]);
});

test("of what lies further back the last counts on; a record of today, or of a clock that was ahead, does not", () => {
  const days = storedDays([on(10, 1), on(12, 2), on(24, 8), on(28, 100)], on(24, 9), 3);
  assert.deepEqual(days, [on(22, 2), on(23, 2), on(24, 9)]);
});

test("in all: a job that began later adds nothing before, one that was not recorded then what it held first", () => {
  const recorded = { firstRun: "2026-11-20T030000Z", storedDays: [on(22, 1), on(23, 2), on(24, 3)] };
  const later = { firstRun: "2026-11-23T030000Z", storedDays: [on(23, 10), on(24, 10)] };
  const unrecorded = { firstRun: "2026-11-01T030000Z", storedDays: [on(24, 100)] };
  const unread = { firstRun: null, storedDays: [] };
  assert.deepEqual(storedInAll([recorded, later, unrecorded, unread]), [on(22, 101), on(23, 112), on(24, 113)]);
});

test("the change is from the first of the days that is known, and there is none of today alone", () => {
  const days = [on(20, 5), on(21, 6), on(22, 9), on(23, 2)];
  assert.deepEqual(storedChange(days, 3), { since: "2026-11-21", bytes: -4 });
  assert.deepEqual(storedChange(days, 14), { since: "2026-11-20", bytes: -3 });
  assert.equal(storedChange([on(23, 2)], 14), undefined);
  assert.equal(storedChange([], 14), undefined);
});
