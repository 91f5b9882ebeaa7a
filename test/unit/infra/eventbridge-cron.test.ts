import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseDocument } from "yaml";
import { eventBridgeCron } from "../../../infra/eventbridge-cron.ts";
import { nextRuns } from "../../../lib/scheduling/schedule.ts";
import { eventBridgeRuns } from "../../support/eventbridge-cron.ts";

const EXAMPLES = join(import.meta.dirname, "../../../config/examples");
const FROM = new Date("2026-11-26T00:00:00Z");
const TEN_YEARS = new Date("2036-11-26T00:00:00Z");

describe("a schedule for EventBridge", () => {
  for (const [ours, theirs] of [
    ["0 3 * * *", "cron(0 3 * * ? *)"],
    ["30 2 * * MON-SAT", "cron(30 2 ? * 2-7 *)"],
    ["30 2 * * 7", "cron(30 2 ? * 1 *)"],
    ["0 0 * * SAT-SUN", "cron(0 0 ? * 1,7 *)"],
    ["*/20 9-17/4 1 JAN,JUL *", "cron(0,20,40 9,13,17 1 1,7 ? *)"],
    ["@hourly", "cron(0 * * * ? *)"],
    ["15 4 * * 0-6", "cron(15 4 ? * 1-7 *)"],
    ["15 4 13 * 0-6", "cron(15 4 * * ? *)"],
  ] as const) {
    test(`${ours} is written ${theirs}`, () => assert.equal(eventBridgeCron(ours), theirs));
  }

  test("days of the month or else of the week are refused with the reason", () => {
    assert.throws(() => eventBridgeCron("0 0 13 * FRI"), {
      name: "RangeError",
      message: /days of the month or else days of the week \(13 and 5\): give one of them, or make two jobs/,
    });
  });

  test("the longest ones fit into the 256 characters allowed", () => {
    const odd = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((value) => value % 2 === 1);
    const text = eventBridgeCron(
      `${odd(0, 59).join()} ${odd(0, 23).join()} ${odd(1, 31).join()} ${odd(1, 12).join()} *`,
    );
    assert.ok(text.length <= 256, `${text.length}`);
  });
});

/** Ours that EventBridge leaves out: only a time that a day lacks may be among them, and it must come at the gap's end. */
function compare(schedule: string, timezone: string, from: Date, until: Date): number {
  const theirs = eventBridgeRuns(eventBridgeCron(schedule), timezone, from, until).map((run) => run.getTime());
  const ours: number[] = [];
  for (let at = from; ; ) {
    const next = nextRuns(schedule, timezone, at, 500).filter((run) => run <= until);
    ours.push(...next.map((run) => run.getTime()));
    const last = next.at(-1);
    if (last === undefined || next.length < 500) break;
    at = last;
  }
  const known = new Set(theirs);
  const extra = ours.filter((run) => !known.has(run));
  assert.deepEqual(
    theirs.filter((run) => !ours.includes(run)),
    [],
    `${schedule} in ${timezone}: runs that only EventBridge makes`,
  );
  const offset = (moment: number) =>
    new Intl.DateTimeFormat("en", { timeZone: timezone, timeZoneName: "longOffset" }).format(moment);
  for (const run of extra) {
    const name = `${schedule} in ${timezone}: ${new Date(run).toISOString()}`;
    assert.notEqual(offset(run).slice(-9), offset(run - 1).slice(-9), `${name} is not where clocks change`);
  }
  return extra.length;
}

test("every example runs on AWS for ten years when it runs at a desk", () => {
  let compared = 0;
  for (const file of readdirSync(EXAMPLES)) {
    const { jobs } = parseDocument(readFileSync(join(EXAMPLES, file), "utf8")).toJS() as {
      jobs: { schedule?: string; timezone?: string }[];
    };
    for (const { schedule, timezone = "UTC" } of jobs) {
      if (schedule === undefined) continue;
      compare(schedule, timezone, FROM, TEN_YEARS);
      compared += 1;
    }
  }
  assert.ok(compared >= 5);
});

test("a time that a day lacks is left out by EventBridge and by nothing else", () => {
  const until = new Date("2028-11-26T00:00:00Z");
  assert.equal(compare("30 2 * * *", "Europe/Berlin", FROM, until), 2);
  assert.equal(compare("30 1 * * *", "Europe/Berlin", FROM, until), 0);
});

const value = (min: number, max: number) => fc.integer({ min, max }).map(String);
const field = (min: number, max: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.array(value(min, max), { minLength: 1, maxLength: 3 }).map((values) => values.join(",")),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.integer({ min: 2, max: Math.max(2, max - 1) }).map((step) => `*/${step}`),
  );

test("any schedule that is accepted means the same in both", () => {
  const schedules = fc
    .tuple(value(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7), fc.boolean())
    .map(([minute, hour, day, month, weekday, byDay]) =>
      byDay ? `${minute} ${hour} ${day} ${month} *` : `${minute} ${hour} * ${month} ${weekday}`,
    );
  fc.assert(
    // Where clocks never change: there the two differ on purpose, as said above.
    fc.property(schedules, (schedule) => {
      let text: string;
      try {
        text = eventBridgeCron(schedule);
      } catch (error) {
        // A month that has no such day.
        return error instanceof RangeError && /never has a day/.test(error.message);
      }
      assert.ok(text.length <= 256);
      compare(schedule, "UTC", FROM, new Date("2027-12-01T00:00:00Z"));
      return true;
    }),
    { numRuns: 100 },
  );
});
