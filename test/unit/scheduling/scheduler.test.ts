import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../lib/log.ts";
import { type SchedulerWorld, startScheduler } from "../../../lib/scheduling/scheduler.ts";
import { createSlots } from "../../../lib/scheduling/slots.ts";
import type { JobPast, TimedJob } from "../../../lib/scheduling/turn.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { fakeClock } from "../../support/fake-clock.ts";

const job = (changes: Partial<TimedJob> = {}): TimedJob => ({
  name: "docs",
  schedule: "0 * * * *",
  timezone: "UTC",
  ...changes,
});
const at = (clock: string) => new Date(`2026-11-24T${clock}:00Z`);

/** A scheduler over a clock that jumps; runs take no time unless `takes` says how long. */
function setting(
  from: string,
  to: string,
  jobs: readonly TimedJob[],
  changes: Partial<SchedulerWorld> = {},
  each: (a: { readonly begun: readonly string[]; readonly clock: ReturnType<typeof fakeClock> }) => void = () => {},
) {
  const clock = fakeClock(at(from), at(to));
  const begun: string[] = [];
  const lines: string[] = [];
  const starts = new Map<string, Date>();
  const takes = new Map<string, number>();
  const past = { lastStart: at(from), unfinished: undefined, running: false };
  const world: SchedulerWorld = {
    ...clock,
    async sleep(ms, signal) {
      await clock.sleep(ms, signal);
      each({ begun, clock });
    },
    log: createLog({
      format: "text",
      level: "info",
      redaction: createRedaction(),
      ...clock,
      write: (line) => lines.push(line),
    }),
    past: async (name): Promise<JobPast> => ({ ...past, lastStart: starts.get(name) ?? past.lastStart }),
    lastStart: async (name) => starts.get(name),
    room: (work) => work(),
    async run(name) {
      begun.push(`${name} ${clock.now().toISOString().slice(11, 16)}`);
      starts.set(name, clock.now());
      const until = clock.now().getTime() + (takes.get(name) ?? 0) * 60_000;
      while (clock.now().getTime() < until && !clock.signal.aborted) await new Promise((done) => setImmediate(done));
      return true;
    },
    ...changes,
  };
  const scheduler = startScheduler(jobs, world);
  return { scheduler, clock, begun, lines, starts, takes, past };
}

/** The first question hangs until the end; who is asked later knows of a run of the day before. */
async function answerUnlessFirst(asked: string[], asks: () => ReturnType<typeof setting>): Promise<JobPast> {
  await Promise.resolve();
  const { clock } = asks();
  const isFirst = asked.push(clock.now().toISOString().slice(11, 16)) === 1;
  if (isFirst) await new Promise((end) => clock.signal.addEventListener("abort", end));
  return { lastStart: new Date("2026-11-23T03:00:00Z"), unfinished: undefined, running: false };
}

test("each job is begun at its times, and the log says when the next one is", async () => {
  const jobs = [job(), job({ name: "db", schedule: "30 1 * * *", timezone: "Europe/Berlin" })];
  const { scheduler, begun, lines } = setting("00:01", "03:30", jobs);
  await scheduler.ended;
  assert.deepEqual(begun, ["db 00:30", "docs 01:00", "docs 02:00", "docs 03:00"]);
  assert.ok(lines.includes("docs: next run at 2026-11-24 01:00:00 +00:00"), lines.join("\n"));
  assert.ok(lines.includes("db: next run at 2026-11-25 01:30:00 +01:00"), lines.join("\n"));
});

test("a job is never begun while it runs; times that pass meanwhile are one run when it has ended", async () => {
  const a = setting("00:01", "05:30", [job({ name: "slow" })]);
  a.takes.set("slow", 150);
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["slow 01:00", "slow 03:30"]);
});

test("without catch_up the times that pass while a job runs are let go", async () => {
  const a = setting("00:01", "05:30", [job({ name: "slow", catchUpMs: 0 })]);
  a.takes.set("slow", 150);
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["slow 01:00", "slow 04:00"]);
});

test("what was missed while nothing ran is begun at once, from what the storage says", async () => {
  const a = setting("06:10", "07:30", [job({ schedule: "0 3 * * *" })], {
    past: async () => ({ lastStart: new Date("2026-11-23T03:00:01Z"), unfinished: undefined, running: false }),
  });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 06:10"]);
  assert.ok(a.lines.includes("docs: due now: no run was begun since 2026-11-24 03:00:00 +00:00"), a.lines.join("\n"));
});

test("a time that another process has served is not begun again", async () => {
  const a = setting("00:01", "02:30", [job()], { lastStart: async () => at("01:00") });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 02:00"]);
  assert.match(a.lines.join("\n"), /docs: not begun: a run that began at 2026-11-24T01:00:00.000Z serves this time/);
});

test("a job that waits for room is not begun when it gets it, if another process has served its time meanwhile", async () => {
  const slots = createSlots(1);
  const jobs = [job({ name: "slow", schedule: "0 1 * * *" }), job({ schedule: "0 1 * * *" })];
  const a = setting("00:01", "05:30", jobs, { room: slots.take }, ({ begun, clock }) => {
    if (begun.length === 1 && clock.now() >= at("02:00")) a.starts.set("docs", at("01:10"));
  });
  a.takes.set("slow", 120);
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["slow 01:00"]);
  assert.match(a.lines.join("\n"), /docs: not begun: a run that began at 2026-11-24T01:10:00.000Z serves this time/);
});

test("a run that is dated in the future serves no time", async () => {
  const a = setting("00:01", "02:30", [job()], { lastStart: async () => new Date("2027-01-01T00:00:00Z") });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 01:00", "docs 02:00"]);
});

test("while the storage cannot be asked the schedule is kept all the same, and what was missed comes when it can", async () => {
  let asked = 0;
  const a = setting("03:10", "04:30", [job({ schedule: "0 3,4 * * *" })], {
    past: async () => {
      asked += 1;
      if (asked <= 10) throw new Error("connection refused");
      return { lastStart: new Date("2026-11-23T04:00:00Z"), unfinished: undefined, running: false };
    },
  });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 03:20", "docs 04:00"]);
  assert.equal(a.lines.filter((line) => line.includes("connection refused")).length, 1);
});

test("a storage that hangs is asked one question at a time", async () => {
  let asked = 0;
  const open: (() => void)[] = [];
  const a = setting(
    "03:10",
    "04:30",
    [job({ schedule: "0 3,4 * * *" })],
    {
      past: async () => {
        asked += 1;
        await new Promise<void>((fails) => open.push(fails));
        throw new Error("no answer");
      },
    },
    ({ clock }) => {
      assert.ok(open.length <= 1, `${open.length} questions at ${clock.now().toISOString()}`);
      if (clock.now() >= at("03:40") || clock.signal.aborted) open.shift()?.();
    },
  );
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 04:00"]);
  assert.ok(asked > 10, `asked ${asked} times`);
});

test("what hangs is not waited for after a reload, which may have moved the job to another storage", async () => {
  const asked: string[] = [];
  let reload = () => {};
  const a = setting(
    "03:10",
    "03:50",
    [job({ schedule: "0 3 * * *" })],
    { past: () => answerUnlessFirst(asked, () => a) },
    ({ clock }) => {
      if (clock.now() < at("03:20")) return;
      reload();
      reload = () => {};
    },
  );
  reload = () => a.scheduler.replace([job({ schedule: "0 3 * * *" })]);
  await a.scheduler.ended;
  assert.deepEqual([asked, a.begun], [["03:10", "03:20"], ["docs 03:20"]]);
});

test("what hangs is not waited for after a time that was refused, which is made up for", async () => {
  const asked: string[] = [];
  const tried: string[] = [];
  const a = setting("02:30", "04:30", [job({ schedule: "0 3 * * *" })], {
    past: () => answerUnlessFirst(asked, () => a),
    run: async () => tried.push(a.clock.now().toISOString().slice(11, 16)) > 1,
  });
  await a.scheduler.ended;
  assert.deepEqual(
    [asked, tried],
    [
      ["02:30", "03:01"],
      ["03:00", "03:01"],
    ],
  );
});

test("a job that another process is at work on is asked about until that has ended", async () => {
  let asked = 0;
  const a = setting("03:10", "04:30", [job({ schedule: "0 3 * * *" })], {
    past: async () => {
      asked += 1;
      return { lastStart: at("03:00"), unfinished: asked > 5 ? at("03:00") : undefined, running: asked <= 5 };
    },
  });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 03:15"]);
  assert.equal(a.lines.filter((line) => line.includes("another process is at work on it")).length, 1);
  assert.match(a.lines.join("\n"), /docs: due now: its last run was ended before its time and is taken up again/);
});

for (const catchUpMs of [undefined, 0]) {
  const how = catchUpMs === 0 ? ", also with catch_up: false" : "";
  test(`a time that is refused since another process is at work is made up for when that has ended${how}`, async () => {
    let isHeld = true;
    const tried: string[] = [];
    const a = setting(
      "00:30",
      "05:30",
      [job({ schedule: "0 3 * * *", ...(catchUpMs === undefined ? {} : { catchUpMs }) })],
      {
        past: async () => ({
          lastStart: tried.includes("03:20") ? at("03:20") : new Date("2026-11-23T03:00:00Z"),
          unfinished: undefined,
          running: isHeld && a.clock.now() >= at("03:00"),
        }),
        lastStart: async () => undefined,
        run: async () => {
          tried.push(a.clock.now().toISOString().slice(11, 16));
          return !isHeld;
        },
      },
      ({ clock }) => {
        isHeld = clock.now() < at("03:20");
      },
    );
    await a.scheduler.ended;
    assert.deepEqual(tried, ["03:00", "03:20"]);
    assert.equal(a.lines.filter((line) => line.includes("another process is at work on it")).length, 1);
  });
}

test("a time that is refused since another process runs for it is not begun again", async () => {
  const tried: string[] = [];
  const a = setting("00:30", "05:30", [job({ schedule: "0 3 * * *" })], {
    past: async () => {
      const isBegun = a.clock.now() >= at("03:00");
      const lastStart = isBegun ? at("03:00") : new Date("2026-11-23T03:00:00Z");
      return { lastStart, unfinished: undefined, running: isBegun && a.clock.now() < at("03:20") };
    },
    lastStart: async () => undefined,
    run: async () => {
      tried.push(a.clock.now().toISOString().slice(11, 16));
      return false;
    },
  });
  await a.scheduler.ended;
  assert.deepEqual(tried, ["03:00"]);
});

test("a run that fails before it leaves a trace is not begun again before its next time", async () => {
  const begun: string[] = [];
  const a = setting("00:01", "03:30", [job()], {
    past: async () => ({ lastStart: undefined, unfinished: undefined, running: false }),
    lastStart: async () => undefined,
    run: async (name) => {
      begun.push(name);
      return true;
    },
  });
  await a.scheduler.ended;
  assert.equal(begun.length, 4, "at once, since it was never run, then at 1, 2 and 3");
});

test("a clock that is set forward begins what was passed over, once; one that is set back does not stop the job", async () => {
  let sets = 0;
  const a = setting("00:01", "06:30", [job()], {}, ({ begun, clock }) => {
    if (sets !== begun.length - 1 || sets === 2) return;
    sets += 1;
    clock.set(at(sets === 1 ? "04:30" : "03:40"));
  });
  await a.scheduler.ended;
  assert.deepEqual(a.begun, ["docs 01:00", "docs 04:30", "docs 04:00", "docs 05:00", "docs 06:00"]);
});

test("another list of jobs takes effect at once: new ones, removed ones, changed times", async () => {
  let replace = () => {};
  const a = setting("00:01", "04:30", [job(), job({ name: "old" })], {}, ({ clock }) => {
    if (clock.now() < at("02:30")) return;
    replace();
    replace = () => {};
  });
  replace = () => a.scheduler.replace([job({ schedule: "15 * * * *" }), job({ name: "new", schedule: "30 3 * * *" })]);
  a.starts.set("new", at("00:00"));
  await a.scheduler.ended;
  const first = ["docs 01:00", "old 01:00", "docs 02:00", "old 02:00"];
  assert.deepEqual(a.begun, [...first, "docs 02:30", "docs 03:15", "new 03:30", "docs 04:15"]);
});

test("when it is stopped no job is begun any more, and what runs is waited for", async () => {
  let release = () => {};
  const a = setting("00:01", "01:30", [job()], {
    run: () =>
      new Promise((done) => {
        release = () => done(true);
      }),
  });
  let over = false;
  void a.scheduler.ended.then(() => {
    over = true;
  });
  while (!a.clock.signal.aborted) await new Promise((done) => setImmediate(done));
  await new Promise((done) => setImmediate(done));
  assert.equal(over, false);
  assert.equal(a.scheduler.jobs()[0]?.state, "running");
  release();
  await a.scheduler.ended;
});
