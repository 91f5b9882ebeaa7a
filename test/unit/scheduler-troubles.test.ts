import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createLog } from "../../lib/log.ts";
import { startScheduler } from "../../lib/scheduling/scheduler.ts";
import { type TimedJob, takenUpFrom } from "../../lib/scheduling/turn.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { localMinutes, naiveTimes } from "../support/naive-cron.ts";

interface Troubled {
  readonly schedule: string;
  readonly minutes: number;
  /** False for runs that fail before the storage knows of them. */
  readonly leavesTrace: boolean;
}

const KINDS: readonly Troubled[] = [
  { schedule: "0 * * * *", minutes: 150, leavesTrace: true },
  { schedule: "0 3 * * *", minutes: 400, leavesTrace: true },
  { schedule: "30 2 * * *", minutes: 0, leavesTrace: false },
  { schedule: "*/20 2-9 * * *", minutes: 0, leavesTrace: true },
];
const MINUTE_MS = 60_000;
const TIMEZONE = "Europe/Berlin";
/** With the night that has an hour twice. */
const FROM = new Date("2028-10-15T00:00:00Z");
const TO = new Date("2028-11-10T00:00:00Z");
/** Then the process is killed, with what it runs, and another one goes on: short and long lives, at every hour of the day. */
const LIVES_MINUTES = [1_003, 217, 61, 4_111];

/** What is left behind of a job's runs. */
interface Left {
  readonly begun: string[];
  lastStart: Date;
  unfinished: Date | undefined;
}

describe("runs that outlast their next time, are killed or fail without a trace", () => {
  const jobs = KINDS.map(({ schedule }): TimedJob => ({ name: schedule, schedule, timezone: TIMEZONE }));
  const left = new Map<string, Left>();
  before(async () => {
    for (const { name } of jobs)
      left.set(name, { begun: [], lastStart: new Date(FROM.getTime() - 2 * MINUTE_MS), unfinished: undefined });
    for (const [from, until] of lives()) await live(from, until);
  });

  /** One process from its start to where it is killed. */
  async function live(from: Date, until: Date): Promise<void> {
    const clock = fakeClock(from, until);
    const running = new Set<{ readonly end: number; readonly ended: () => void }>();
    const endThose = () => {
      for (const one of running) if (one.end <= clock.now().getTime() || clock.signal.aborted) one.ended();
    };
    clock.signal.addEventListener("abort", endThose);
    const of = (job: string) => left.get(job) ?? assert.fail(job);
    const scheduler = startScheduler(jobs, {
      ...clock,
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        endThose();
      },
      log: createLog({ format: "text", level: "error", redaction: createRedaction(), ...clock, write: () => {} }),
      lastStart: async (job) => of(job).lastStart,
      past: async (job) => {
        const { lastStart, unfinished } = of(job);
        return { lastStart, unfinished: unfinished && takenUpFrom(unfinished, lastStart), running: false };
      },
      room: (work) => work(),
      run: async (job) => {
        const kind = KINDS.find(({ schedule }) => schedule === job) ?? assert.fail(job);
        const known = of(job);
        const now = clock.now();
        known.begun.push(now.toISOString());
        if (kind.leavesTrace) known.lastStart = now;
        if (kind.minutes === 0) return true;
        known.unfinished ??= now;
        const end = now.getTime() + kind.minutes * MINUTE_MS;
        await new Promise<void>((ended) => running.add({ end, ended }));
        if (end <= clock.now().getTime()) known.unfinished = undefined;
        return true;
      },
    });
    await scheduler.ended;
  }

  for (const kind of KINDS) {
    test(`${kind.schedule}, ${kind.minutes} minutes${kind.leavesTrace ? "" : ", without a trace"}`, () => {
      const { begun } = left.get(kind.schedule) ?? assert.fail();
      assert.deepEqual(begun, expected(kind));
      assert.ok(begun.length > 20);
    });
  }
});

function lives(): readonly (readonly [Date, Date])[] {
  const found: (readonly [Date, Date])[] = [];
  for (let from = FROM; from < TO; ) {
    const minutes = LIVES_MINUTES[found.length % LIVES_MINUTES.length] ?? 1;
    const until = new Date(Math.min(from.getTime() + minutes * MINUTE_MS, TO.getTime()));
    found.push([from, until]);
    from = until;
  }
  return found;
}

/** Minute by minute by what docs/scheduling.md promises, without the product's rules. */
function expected({ schedule, minutes, leavesTrace }: Troubled): readonly string[] {
  const times = new Set(naiveTimes(schedule, localMinutes(TIMEZONE, FROM, TO)));
  const kills = new Set(lives().map(([from]) => from.getTime()));
  const begun: string[] = [];
  let passed = false;
  let forgotten = false;
  let end: number | undefined;
  let first: number | undefined;
  let last = 0;
  for (let now = FROM.getTime(); now < TO.getTime(); now += MINUTE_MS) {
    if (times.has(now)) passed = true;
    if (end !== undefined && end <= now) [end, first] = [undefined, undefined];
    if (kills.has(now)) {
      end = undefined;
      // Of what left no trace, all times since the beginning are to be made up for.
      if (forgotten) passed = true;
    }
    const since = last - (first ?? 0);
    const isTakenUp = first !== undefined && now >= first + (since === 0 ? 0 : since + Math.max(10 * MINUTE_MS, since));
    if (end !== undefined || !(passed || isTakenUp)) continue;
    begun.push(new Date(now).toISOString());
    passed = false;
    forgotten = !leavesTrace;
    if (minutes === 0) continue;
    first ??= now;
    last = now;
    end = now + minutes * MINUTE_MS;
  }
  return begun;
}
