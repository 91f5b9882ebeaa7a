import assert from "node:assert/strict";
import { test } from "node:test";
import { calendarLabels, slotsOf } from "../../../lib/retention/retention-buckets.ts";

const labels = (time: string, timezone = "UTC") => calendarLabels(new Date(time), timezone);

test("a snapshot belongs to the day that it is in the job's time zone", () => {
  assert.equal(labels("2026-11-22T23:30:00Z").daily, "2026-11-22");
  assert.equal(labels("2026-11-22T23:30:00Z", "Europe/Berlin").daily, "2026-11-23");
  assert.equal(labels("2026-01-01T04:30:00Z", "America/New_York").yearly, "2025");
});

test("both sides of a change to and from summer time are in their local day", () => {
  assert.equal(labels("2026-03-28T22:59:59Z", "Europe/Berlin").daily, "2026-03-28");
  assert.equal(labels("2026-03-28T23:00:00Z", "Europe/Berlin").daily, "2026-03-29");
  assert.equal(labels("2026-03-29T21:59:59Z", "Europe/Berlin").daily, "2026-03-29");
  assert.equal(labels("2026-03-29T22:00:00Z", "Europe/Berlin").daily, "2026-03-30");
  assert.equal(labels("2026-10-25T22:59:59Z", "Europe/Berlin").daily, "2026-10-25");
});

test("a date that a country skipped has no day", () => {
  assert.equal(labels("2011-12-30T09:59:59Z", "Pacific/Apia").daily, "2011-12-29");
  assert.equal(labels("2011-12-30T10:00:00Z", "Pacific/Apia").daily, "2011-12-31");
});

// ISO 8601 weeks at the turn of years, as `date -d DATE +%G-W%V` prints them.
const weeks = [
  ["2020-12-31", "2020-W53"],
  ["2021-01-03", "2020-W53"],
  ["2021-01-04", "2021-W01"],
  ["2024-12-29", "2024-W52"],
  ["2024-12-30", "2025-W01"],
  ["2026-11-22", "2026-W47"],
  ["2026-11-23", "2026-W48"],
  ["2027-01-01", "2026-W53"],
] as const;
for (const [date, week] of weeks) {
  test(`${date} is in week ${week}`, () => assert.equal(labels(`${date}T12:00:00Z`).weekly, week));
}

test("an unknown time zone is an error, not UTC", () => {
  assert.throws(() => labels("2026-11-22T00:00:00Z", "Europe/Atlantis"), RangeError);
});

test("the newest of each bucket has the slot, and empty days use none up", () => {
  const days = ["2026-11-22T20:00:00Z", "2026-11-22T03:00:00Z", "2026-11-10T03:00:00Z", "2026-11-01T03:00:00Z"];
  const slots = slotsOf(
    days.map((day) => labels(day)),
    "daily",
    2,
  );
  assert.deepEqual(
    slots.map((slot) => slot && `${slot.position} ${slot.label}`),
    ["1 2026-11-22", undefined, "2 2026-11-10", undefined],
  );
});

test("a day that comes again, when a clock is put back just after midnight, is still one bucket", () => {
  // St. John's put its clocks back at 00:01: from 7 November 2010 to 6 November 23:01.
  const times = ["2010-11-07T04:00:00Z", "2010-11-07T03:00:00Z", "2010-11-07T02:30:30Z", "2010-11-07T02:00:00Z"];
  const days = times.map((time) => labels(time, "America/St_Johns"));
  assert.deepEqual(
    days.map(({ daily }) => daily),
    ["2010-11-07", "2010-11-06", "2010-11-07", "2010-11-06"],
  );
  assert.deepEqual(
    slotsOf(days, "daily", 2).map((slot) => slot?.label),
    ["2010-11-07", "2010-11-06", undefined, undefined],
  );
});
