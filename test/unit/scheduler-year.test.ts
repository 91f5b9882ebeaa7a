import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createLog } from "../../lib/log.ts";
import { startScheduler } from "../../lib/scheduling/scheduler.ts";
import type { TimedJob } from "../../lib/scheduling/turn.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { localMinutes, naiveTimes } from "../support/naive-cron.ts";

/** Both changes of the clock at two and three, half an hour's in Lord Howe, month ends, both kinds of days, intervals. */
const SCHEDULES = [
  "0 3 * * *",
  "30 2 * * *",
  "45 1 * * *",
  "15 2 * * 0",
  "0,30 1-3 * * *",
  "*/20 2 * * *",
  "0 */2 * * *",
  "10-50/20 1,2,13 * * *",
  "5 * * 3,4,10,11 *",
  "*/45 * * 3,4,10,11 *",
  "0 0 1 * *",
  "59 23 31 * *",
  "0 12 13 * 5",
  "30 1 29 2 *",
  "20 4 1-7 4,10 0",
];
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
const FROM = new Date("2027-12-31T00:00:00Z");
const TO = new Date("2029-01-01T00:00:00Z");
/** Every twelve weeks another process goes on, which knows what the storage knows. */
const RESTART_MS = 84 * 86_400_000 + 1_000;

describe("a leap year of serve: every schedule is begun exactly when it says, restarts in between", () => {
  const begun = new Map<string, string[]>();
  before(async () => {
    const jobs = ZONES.flatMap((timezone) =>
      SCHEDULES.map((schedule): TimedJob => ({ name: `${timezone} ${schedule}`, schedule, timezone })),
    );
    for (const { name } of jobs) begun.set(name, []);
    for (let from = FROM; from < TO; ) {
      const clock = fakeClock(from, new Date(Math.min(from.getTime() + RESTART_MS, TO.getTime())));
      const lastStart = async (job: string) => new Date(begun.get(job)?.at(-1) ?? FROM.getTime() - 61_000);
      const { ended } = startScheduler(jobs, {
        ...clock,
        log: createLog({ format: "text", level: "error", redaction: createRedaction(), ...clock, write: () => {} }),
        lastStart,
        past: async (job) => ({ lastStart: await lastStart(job), unfinished: undefined, running: false }),
        room: (work) => work(),
        run: async (job) => {
          begun.get(job)?.push(clock.now().toISOString());
          return true;
        },
      });
      await ended;
      from = clock.now();
    }
  });

  for (const timezone of ZONES) {
    test(timezone, () => {
      const minutes = localMinutes(timezone, FROM, TO);
      for (const schedule of SCHEDULES) {
        const expected = naiveTimes(schedule, minutes).map((time) => new Date(time).toISOString());
        assert.deepEqual(begun.get(`${timezone} ${schedule}`), expected, schedule);
        assert.ok(expected.length > 0, schedule);
      }
    });
  }
});
