import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { firstTurn, isServed, nextTurn, type TimedJob, takenUpFrom } from "../../../lib/scheduling/turn.ts";

const NIGHTLY: TimedJob = { name: "docs", schedule: "0 3 * * *", timezone: "UTC" };
const HOUR = 3_600_000;

const turn = (job: TimedJob, lastStart: string | undefined, now: string, past: { unfinished?: Date } = {}) => {
  const last = lastStart === undefined ? undefined : new Date(lastStart);
  const found = firstTurn(job, { unfinished: undefined, running: false, ...past, lastStart: last }, new Date(now));
  return found === undefined ? undefined : [found.why, found.begin.toISOString()];
};

test("a time that passed since the last run was begun is due, several are one", () => {
  const missed = ["scheduled", "2026-11-24T03:00:00.000Z"];
  assert.deepEqual(turn(NIGHTLY, "2026-11-23T03:00:04Z", "2026-11-24T03:00:00Z"), missed);
  assert.deepEqual(turn(NIGHTLY, "2026-11-23T03:00:04Z", "2026-11-29T12:00:00Z"), missed);
  const next = ["scheduled", "2026-11-25T03:00:00.000Z"];
  assert.deepEqual(turn(NIGHTLY, "2026-11-24T03:00:04Z", "2026-11-24T12:00:00Z"), next);
  assert.deepEqual(turn(NIGHTLY, "2026-11-24T09:00:04Z", "2026-11-24T12:00:00Z"), next, "by hand, later than its time");
});

test("a job that was never run is due at once, and so is one whose last run was ended before its time", () => {
  assert.deepEqual(turn(NIGHTLY, undefined, "2026-11-24T12:00:00Z"), ["never run", "2026-11-24T12:00:00.000Z"]);
  const ended = turn(NIGHTLY, "2026-11-24T03:00:04Z", "2026-11-24T04:00:00Z", {
    unfinished: new Date("2026-11-24T03:00:04Z"),
  });
  assert.deepEqual(ended, ["unfinished", "2026-11-24T04:00:00.000Z"]);
});

test("a run that is ended again and again is taken up at once, and then ever more seldom, and at its next time in any case", () => {
  const begun = new Date("2026-11-24T03:00:04Z");
  const tries: string[] = [];
  let last = begun;
  let now = new Date("2026-11-24T03:10:00Z");
  while (tries.length < 7) {
    const found = firstTurn(NIGHTLY, { unfinished: takenUpFrom(begun, last), running: false, lastStart: last }, now);
    assert.ok(found !== undefined);
    tries.push(`${found.why} ${found.begin.toISOString().slice(8, 16)}`);
    // Ended a moment after it was begun, and asked about again right then.
    last = found.begin;
    now = new Date(last.getTime() + 1_000);
  }
  assert.deepEqual(tries, [
    "unfinished 24T03:10",
    "unfinished 24T03:20",
    "unfinished 24T03:39",
    "unfinished 24T04:19",
    "unfinished 24T05:39",
    "unfinished 24T08:19",
    "unfinished 24T13:37",
  ]);
  const late = { unfinished: new Date("2026-11-25T10:00:00Z"), running: false, lastStart: last };
  assert.equal(firstTurn(NIGHTLY, late, now)?.begin.toISOString(), "2026-11-25T03:00:00.000Z");
});

test("how long a run went on before it was first ended does not make its pauses longer", () => {
  const [begun, ended] = [new Date("2026-11-24T03:00:00Z"), new Date("2026-11-24T13:00:00Z")];
  assert.equal(takenUpFrom(begun, ended, ended).toISOString(), "2026-11-24T13:10:00.000Z");
  assert.equal(takenUpFrom(begun, new Date("2026-11-24T13:20:00Z"), ended).toISOString(), "2026-11-24T13:40:00.000Z");
});

test("a time of the schedule that has come is due though a run waits to be taken up again", () => {
  const hourly = { ...NIGHTLY, schedule: "0 * * * *" };
  const tried = "2026-11-24T03:40:00Z";
  const past = { unfinished: takenUpFrom(new Date("2026-11-24T01:00:00Z"), new Date(tried)) };
  assert.equal(past.unfinished.toISOString(), "2026-11-24T06:20:00.000Z");
  const four = ["scheduled", "2026-11-24T04:00:00.000Z"];
  for (const now of ["2026-11-24T03:59:59Z", "2026-11-24T04:00:01Z", "2026-11-24T05:00:10Z"]) {
    assert.deepEqual(turn(hourly, tried, now, past), four, now);
    assert.deepEqual(turn({ ...hourly, catchUpMs: 3 * HOUR }, tried, now, past), four, now);
  }
  assert.deepEqual(turn(hourly, "2026-11-24T04:00:02Z", "2026-11-24T04:00:10Z", past)?.[1], "2026-11-24T05:00:00.000Z");
  const soon = { ...hourly, catchUpMs: HOUR / 2 };
  assert.deepEqual(turn(soon, tried, "2026-11-24T04:50:00Z", past)?.[1], "2026-11-24T05:00:00.000Z", "let go");
});

test("without catch_up only times from now on count; with a duration those within it", () => {
  const next = ["scheduled", "2026-11-25T03:00:00.000Z"];
  const never = { ...NIGHTLY, catchUpMs: 0 };
  assert.deepEqual(turn(never, "2026-11-20T03:00:04Z", "2026-11-24T04:00:00Z"), next);
  assert.deepEqual(turn(never, undefined, "2026-11-24T04:00:00Z"), next);
  assert.deepEqual(
    turn(never, "2026-11-24T03:00:04Z", "2026-11-24T04:00:00Z", { unfinished: new Date("2026-11-24T03:00:04Z") }),
    next,
  );
  const soon = { ...NIGHTLY, catchUpMs: 2 * HOUR };
  const missed = ["scheduled", "2026-11-24T03:00:00.000Z"];
  assert.deepEqual(turn(soon, "2026-11-20T03:00:04Z", "2026-11-24T04:59:59Z"), missed);
  assert.deepEqual(turn(soon, undefined, "2026-11-24T04:59:59Z"), missed);
  assert.deepEqual(turn(soon, "2026-11-20T03:00:04Z", "2026-11-24T05:00:01Z"), next);
});

test("a run that was begun a little early, by another clock, is that time's, but never that of two", () => {
  assert.deepEqual(turn(NIGHTLY, "2026-11-24T02:59:10Z", "2026-11-24T12:00:00Z"), [
    "scheduled",
    "2026-11-25T03:00:00.000Z",
  ]);
  assert.deepEqual(turn(NIGHTLY, "2026-11-24T02:58:50Z", "2026-11-24T12:00:00Z"), [
    "scheduled",
    "2026-11-24T03:00:00.000Z",
  ]);
  const minutely = { ...NIGHTLY, schedule: "* * * * *" };
  assert.deepEqual(turn(minutely, "2026-11-24T03:00:20Z", "2026-11-24T03:01:00Z"), [
    "scheduled",
    "2026-11-24T03:01:00.000Z",
  ]);
  const time = new Date("2026-11-24T03:00:00Z");
  const three = { time, begin: time, why: "scheduled" } as const;
  assert.equal(isServed(NIGHTLY, three, new Date("2026-11-24T02:59:10Z")), true);
  assert.equal(isServed(NIGHTLY, three, new Date("2026-11-23T03:00:00Z")), false);
  assert.equal(isServed(NIGHTLY, { ...three, time: undefined }, new Date("2026-11-24T03:00:00Z")), false);
  assert.equal(
    isServed(NIGHTLY, { ...three, time: undefined }, new Date("2026-11-24T03:10:00Z")),
    true,
    "it came at 3:00",
  );
});

test("a last run that is dated after now, by a clock that was ahead, does not put the job off for longer than a time", () => {
  assert.deepEqual(turn(NIGHTLY, "2031-01-01T00:00:00Z", "2026-11-24T12:00:00Z"), [
    "scheduled",
    "2026-11-25T03:00:00.000Z",
  ]);
});

test("a job without a schedule has no turn", () => {
  assert.equal(turn({ name: "docs", timezone: "UTC" }, undefined, "2026-11-24T12:00:00Z"), undefined);
  assert.equal(nextTurn({ name: "docs", timezone: "UTC" }, new Date()), undefined);
});

test("jitter is the same at each asking, differs between jobs, and lets no two times meet", () => {
  const after = new Date("2026-11-24T12:00:00Z");
  const begins = ["a", "b", "c", "d"].map((name) =>
    nextTurn({ ...NIGHTLY, name, jitterMs: HOUR }, after)?.begin.getTime(),
  );
  assert.deepEqual(
    begins,
    ["a", "b", "c", "d"].map((name) => nextTurn({ ...NIGHTLY, name, jitterMs: HOUR }, after)?.begin.getTime()),
  );
  assert.equal(new Set(begins).size, 4);
  const spread = fc.record({ name: fc.string(), minutes: fc.integer({ min: 1, max: 30_000 }), day: fc.nat(10_000) });
  fc.assert(
    fc.property(spread, ({ name, minutes, day }) => {
      const job: TimedJob = { ...NIGHTLY, name, schedule: "0 */6 * * *", jitterMs: minutes * 60_000 };
      const first = nextTurn(job, new Date(day * 86_400_000));
      assert.ok(first?.time !== undefined);
      const late = first.begin.getTime() - first.time.getTime();
      assert.ok(late >= 0 && late <= Math.min(minutes * 60_000, 3 * HOUR));
      assert.ok((nextTurn(job, first.begin)?.begin ?? 0) > first.begin);
    }),
  );
});

test("a time whose jitter has not passed yet is waited for, also after a restart", () => {
  const job = { ...NIGHTLY, jitterMs: HOUR };
  const begin = nextTurn(job, new Date("2026-11-24T02:00:00Z"))?.begin.toISOString() ?? "";
  assert.match(begin, /^2026-11-24T03:/);
  assert.deepEqual(turn(job, "2026-11-23T03:30:00Z", "2026-11-24T03:00:01Z"), ["scheduled", begin]);
});
