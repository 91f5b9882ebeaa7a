import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isTimezone, nextRuns, parseSchedule, scheduleFault, timezones } from "../../../lib/scheduling/schedule.ts";

const runs = (schedule: string, timezone: string, from: string, count: number) =>
  nextRuns(schedule, timezone, new Date(from), count).map((time) => time.toISOString().replace(":00.000Z", "Z"));

describe("next runs", () => {
  test("come after the moment asked about, never at it", () => {
    assert.deepEqual(runs("0 3 * * *", "UTC", "2026-11-22T03:00:00Z", 2), ["2026-11-23T03:00Z", "2026-11-24T03:00Z"]);
    assert.deepEqual(runs("0 3 * * *", "UTC", "2026-11-22T02:59:59.999Z", 1), ["2026-11-22T03:00Z"]);
  });

  test("are at the time zone's time", () => {
    assert.deepEqual(runs("0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", 1), ["2026-07-01T01:00Z"]);
    assert.deepEqual(runs("0 3 * * *", "Asia/Kolkata", "2026-07-01T00:00:00Z", 1), ["2026-07-01T21:30Z"]);
  });

  test("a fixed time that a day lacks comes once, at the first moment after the gap", () => {
    assert.deepEqual(runs("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3), [
      "2026-03-28T01:30Z",
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ]);
  });

  test("a fixed time that comes twice runs the first time only", () => {
    assert.deepEqual(runs("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), [
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
  });

  test("lists, ranges and steps are fixed times too, as long as not every hour is meant", () => {
    assert.deepEqual(runs("*/20 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2), [
      "2026-03-29T01:00Z",
      "2026-03-30T00:00Z",
    ]);
    assert.deepEqual(runs("0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 3), [
      "2026-10-25T00:00Z",
      "2026-10-25T03:00Z",
      "2026-10-25T05:00Z",
    ]);
  });

  test("an interval follows the clock through both", () => {
    assert.deepEqual(runs("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 3), [
      "2026-03-29T00:30Z",
      "2026-03-29T01:00Z",
      "2026-03-29T01:30Z",
    ]);
    assert.deepEqual(runs("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", 4), [
      "2026-10-25T00:30Z",
      "2026-10-25T01:00Z",
      "2026-10-25T01:30Z",
      "2026-10-25T02:00Z",
    ]);
  });

  test("29 February comes in leap years, over a century without one too", () => {
    assert.deepEqual(runs("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2), ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]);
    assert.deepEqual(runs("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00Z"]);
  });

  test("day of month and day of week together mean either", () => {
    assert.deepEqual(runs("0 0 13 * FRI", "UTC", "2026-11-10T12:00:00Z", 3), [
      "2026-11-13T00:00Z",
      "2026-11-20T00:00Z",
      "2026-11-27T00:00Z",
    ]);
  });

  const same: readonly [string, string][] = [
    ["0 0 * * 0", "0 0 * * 7"],
    ["0 0 * * SUN", "0 0 * * 7"],
    ["0 0 * * mon-fri", "0 0 * * 1,2,3,4,5"],
    ["0 0 * * MON-SUN", "0 0 * * *"],
    ["0 0 * * SUN-TUE", "0 0 * * 0,1,2"],
    ["0 0 1 JAN,jul *", "0 0 1 1,7 *"],
    ["0 8-18/2 * * *", "0 8,10,12,14,16,18 * * *"],
    ["@daily", "0 0 * * *"],
    ["@Hourly", "0 * * * *"],
    ["@weekly", "0 0 * * 0"],
    ["@monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
    ["  0\t3  * * * ", "0 3 * * *"],
  ];
  for (const [one, other] of same) {
    test(`${JSON.stringify(one)} is ${other}`, () => {
      assert.deepEqual(runs(one, "UTC", "2026-11-22T01:00:00Z", 20), runs(other, "UTC", "2026-11-22T01:00:00Z", 20));
    });
  }

  test("are refused for what is no schedule and no time zone", () => {
    assert.throws(() => nextRuns("0 0 30 2 *", "UTC", new Date(), 1), RangeError);
    assert.throws(
      () => nextRuns("0 0 * * *", "Europe/Berln", new Date(), 1),
      new RangeError("unknown time zone Europe/Berln"),
    );
  });
});

describe("a wrong schedule is refused, with the field that is wrong", () => {
  const cases: readonly [string, string][] = [
    ["60 * * * *", 'minute: "60" is out of range, 0 to 59'],
    ["-1 * * * *", 'minute: "-1" is not a value, range or step'],
    ["0 24 * * *", 'hour: "24" is out of range, 0 to 23'],
    ["0 0 0 * *", 'day of month: "0" is out of range, 1 to 31'],
    ["0 0 1 13 *", 'month: "13" is out of range, 1 to 12'],
    ["0 0 1 JANUARY *", 'month: "JANUARY" is not a number from 1 to 12 or a name from JAN to DEC'],
    ["0 0 * * FUN", 'day of week: "FUN" is not a number from 0 to 7 or a name from SUN to SAT'],
    ["0 0 L * *", 'day of month: "L" is not a number from 1 to 31'],
    ["0 0 ? * *", 'day of month: "?" is not a value, range or step'],
    ["0 0 * * MON#2", 'day of week: "MON#2" is not a value, range or step'],
    ["1.5 * * * *", 'minute: "1.5" is not a value, range or step'],
    ["*/60 * * * *", 'minute: the step "60" is not a number from 1 to 59'],
    ["*-5 * * * *", 'minute: "*-5" is not a range'],
    ["10-5 * * * *", "minute: the range 10-5 runs backwards"],
    ["5/10 * * * *", "minute: a step needs a range or *, such as 5-59/10"],
    ["0 0 30 FEB *", "day of month: FEB never has a day 30, so this would never run"],
    ["0 0 31 2,4-6/2,9,11 *", "day of month: FEB, APR, JUN, SEP, NOV never has a day 31, so this would never run"],
    [
      "@reboot",
      "@reboot is not supported; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
    ],
    [
      "@daily UTC",
      "@daily UTC is not supported; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
    ],
  ];
  for (const [schedule, message] of cases) {
    test(schedule, () => {
      assert.equal(scheduleFault(schedule), message);
      assert.throws(() => parseSchedule(schedule), { message });
    });
  }

  test("an impossible day beside a weekday comes on the weekday", () => {
    assert.equal(scheduleFault("0 0 30 2 MON"), undefined);
  });
});

test("whatever is accepted has a next run, and whatever is refused says why", () => {
  const value = (min: number, max: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min: min - 1, max: max + 1 }).map(String),
      fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${a}-${b}`),
      fc.integer({ min: 0, max: max + 1 }).map((step) => `*/${step}`),
    );
  const field = (min: number, max: number) =>
    fc.array(value(min, max), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(","));
  const schedules = fc
    .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
    .map((fields) => fields.join(" "));
  fc.assert(
    fc.property(schedules, (schedule) => {
      const fault = scheduleFault(schedule);
      if (fault === undefined)
        assert.equal(nextRuns(schedule, "Europe/Berlin", new Date("2026-11-22T00:00:00Z"), 1).length, 1);
      else assert.notEqual(fault, "");
    }),
    { numRuns: 500 },
  );
});

test("any text is a schedule or a RangeError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9*,/ @A-Z-]{1,20}$/)), (text) => {
      try {
        parseSchedule(text);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});

test("time zones are names of the IANA list in their own spelling, aliases and UTC", () => {
  for (const name of [
    "UTC",
    "Europe/Berlin",
    "US/Eastern",
    "Asia/Calcutta",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT+5",
  ]) {
    assert.equal(isTimezone(name), true, name);
  }
  for (const name of [
    "",
    "europe/berlin",
    "Europe/Berln",
    "+01:00",
    "-05",
    "Z",
    "Europe/Berlin\n",
    "constructor",
    "utc",
  ]) {
    assert.equal(isTimezone(name), false, name);
  }
  assert.ok(timezones().every(isTimezone));
});
