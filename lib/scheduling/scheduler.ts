import { formatTime } from "../format.ts";
import type { Log } from "../log.ts";
import { EARLY_MS } from "./due.ts";
import {
  firstTurn,
  isServed,
  type JobPast,
  latest,
  nextTurn,
  servedUntil,
  type TimedJob,
  type Turn,
  withMissed,
} from "./turn.ts";

/** What the scheduler needs of the world. */
export interface SchedulerWorld {
  readonly now: () => Date;
  /** Ends early, without throwing, when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** What the storage says of a job now. May throw: then nothing is known. */
  readonly past: (job: string) => Promise<JobPast>;
  /** The same for the last start alone, asked right before a job is begun, in its room: another process may have done it. */
  readonly lastStart: (job: string) => Promise<Date | undefined>;
  /** Waits for room for one more job, and works in it. Throws what `work` throws. */
  readonly room: <T>(work: () => Promise<T>) => Promise<T>;
  /** Runs a job to its end. False where another process was at work on it, so that it was not begun. Throws nothing. */
  readonly run: (job: string) => Promise<boolean>;
  readonly log: Log;
  /** Ends the scheduler in order: no job is begun any more, and those that run are waited for. */
  readonly signal: AbortSignal;
}

export interface ScheduledJob {
  readonly job: string;
  /** `asking`: nothing is known of its past yet; only times from now on count. */
  readonly state: "asking" | "waiting" | "running";
  readonly since: Date;
  /** When it is begun next; undefined while it runs and for one without a schedule. */
  readonly next: Turn | undefined;
}

export interface Scheduler {
  /** Resolves when it was stopped and everything has ended. */
  readonly ended: Promise<void>;
  /** Takes over another list of jobs. What runs goes on to its end. */
  replace(jobs: readonly TimedJob[]): void;
  jobs(): readonly ScheduledJob[];
  /** When it last looked at the clock. */
  lastLook(): Date;
}

interface Entry {
  job: TimedJob;
  state: ScheduledJob["state"];
  since: Date;
  turn: Turn | undefined;
  /** The moment that `turn` is the first one after. */
  from: Date;
  /** When this process last began it: what fails before it leaves a trace in the storage is not begun again at once. */
  begunAt: Date | undefined;
  askedAt: Date | undefined;
  /** Which one it is asked just now: the answer to an earlier one, which hung, is no answer to this. */
  question: symbol | undefined;
  /** A time of it came and was refused: `catch_up: false` does not let that go. */
  isOwed: boolean;
}

/** So that a clock that is set, or a machine that slept, is noticed. */
const LONGEST_NAP_MS = 60_000;
/** A storage that could not be asked is asked again after this. */
const ASK_AGAIN_MS = 60_000;
const AT_WORK = "another process is at work on it; what is due shows when that has ended";

/**
 * Begins each job at its times, never one that is still running. What is due follows from the storage, so that a restart
 * knows it: `firstTurn` is the rule. Times that pass while a job runs are one turn when it has ended.
 */
export function startScheduler(jobs: readonly TimedJob[], world: SchedulerWorld): Scheduler {
  const entries = new Map<string, Entry>();
  const working = new Set<Promise<void>>();
  let lastLook = world.now();
  let wake = () => {};
  world.signal.addEventListener("abort", () => wake(), { once: true });
  replace(jobs);
  return { ended: loop(), replace, jobs: () => [...entries.values()].map(shown), lastLook: () => lastLook };

  async function loop(): Promise<void> {
    while (!world.signal.aborted) {
      lastLook = world.now();
      for (const entry of entries.values()) look(entry, lastLook);
      await nap();
    }
    await Promise.all(working);
  }

  function look(entry: Entry, now: Date): void {
    if (entry.state === "running") return;
    // One question at a time: of a storage that hangs each more would hang too.
    if (entry.state === "asking" && entry.question === undefined && isOver(entry.askedAt, now, ASK_AGAIN_MS))
      keep(ask(entry, now));
    // A clock that was set back would have the job wait for all of that again.
    if (entry.from.getTime() > now.getTime() + LONGEST_NAP_MS) waitFrom(entry, now);
    if (entry.turn !== undefined && entry.turn.begin <= now) keep(begin(entry, entry.turn));
  }

  /** Until it is answered, and where it is not, times from now on count all the same. */
  async function ask(entry: Entry, now: Date): Promise<void> {
    const isFirst = entry.askedAt === undefined;
    entry.askedAt = now;
    const question = Symbol(entry.job.name);
    entry.question = question;
    const { job } = entry;
    const log = world.log.with({ job: job.name });
    try {
      const past = await world.past(job.name);
      if (entry.state !== "asking" || entry.question !== question) return;
      if (past.running) {
        if (isFirst) log.info(AT_WORK);
        return;
      }
      enter(entry, "waiting");
      const lastStart = latest(past.lastStart, entry.begunAt);
      const turn = firstTurn(entry.isOwed ? withMissed(job) : job, { ...past, lastStart }, world.now());
      if (entry.turn === undefined || (turn !== undefined && turn.begin < entry.turn.begin)) entry.turn = turn;
      announce(entry);
      wake();
    } catch (error) {
      if (entry.question !== question) return;
      const message = error instanceof Error ? error.message : String(error);
      const text = `the storage does not say when it last ran, so nothing is made up for: ${message}`;
      if (isFirst) log.warn(text);
      else log.debug(text);
    } finally {
      if (entry.question === question) entry.question = undefined;
    }
  }

  async function begin(entry: Entry, turn: Turn): Promise<void> {
    const { job } = entry;
    const log = world.log.with({ job: job.name });
    const now = world.now();
    enter(entry, "running");
    entry.turn = undefined;
    const isRefused = await world.room(async () => {
      const start = await lastStart(job.name);
      // One that is dated after now was begun by a clock that is wrong, and serves nothing.
      if (start !== undefined && start.getTime() <= world.now().getTime() + EARLY_MS && isServed(job, turn, start)) {
        log.info(`not begun: a run that began at ${start.toISOString()} serves this time`);
        return false;
      }
      return !world.signal.aborted && !(await world.run(job.name));
    });
    if (isRefused) refused(entry);
    else ended(entry, now);
  }

  /** Whether the time is served by what the other process does shows when that has ended. */
  function refused(entry: Entry): void {
    const now = world.now();
    Object.assign(entry, { ...unasked(entry.job, now), askedAt: now, isOwed: true });
    world.log.with({ job: entry.job.name }).info(AT_WORK);
    wake();
  }

  /** Of a storage that cannot be asked the run itself will tell. */
  async function lastStart(job: string): Promise<Date | undefined> {
    try {
      return await world.lastStart(job);
    } catch {
      return undefined;
    }
  }

  function ended(entry: Entry, begunAt: Date): void {
    enter(entry, "waiting");
    entry.begunAt = begunAt;
    if (world.signal.aborted) return;
    const { catchUpMs } = entry.job;
    const oldest = catchUpMs === undefined ? undefined : new Date(world.now().getTime() - catchUpMs);
    const served = servedUntil(entry.job, begunAt);
    waitFrom(entry, latest(oldest, served) ?? served);
    if (entries.get(entry.job.name) === entry) announce(entry);
    wake();
  }

  function waitFrom(entry: Entry, from: Date): void {
    entry.from = from;
    entry.turn = nextTurn(entry.job, from);
  }

  function replace(next: readonly TimedJob[]): void {
    const names = new Set(next.map(({ name }) => name));
    for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
    const now = world.now();
    for (const job of next) {
      const entry = entries.get(job.name) ?? { job, begunAt: undefined, ...unasked(job, now) };
      const isNew = entry.job === job;
      const isTimedAnew = !isNew && timing(entry.job) !== timing(job);
      entry.job = job;
      if (isTimedAnew && entry.state !== "running") Object.assign(entry, unasked(job, now));
      // It may lie in another storage now, and the one before may never answer.
      else if (entry.state === "asking") Object.assign(entry, { askedAt: undefined, question: undefined });
      if (isNew) entries.set(job.name, entry);
    }
    wake();
  }

  async function nap(): Promise<void> {
    const now = world.now().getTime();
    const begins = [...entries.values()].map(({ turn }) => turn?.begin.getTime() ?? Number.POSITIVE_INFINITY);
    const ms = Math.min(LONGEST_NAP_MS, Math.min(...begins) - now);
    const woken = new AbortController();
    wake = () => woken.abort();
    if (!world.signal.aborted) await world.sleep(Math.max(0, ms), woken.signal);
  }

  function keep(work: Promise<void>): void {
    working.add(work);
    void work.finally(() => working.delete(work));
  }

  function enter(entry: Entry, state: Entry["state"]): void {
    entry.state = state;
    entry.since = world.now();
  }

  function announce({ job, turn }: Entry): void {
    if (turn === undefined) return;
    world.log.with({ job: job.name }).info(turnText(turn, job.timezone, world.now()));
  }
}

/** For a log or a person: `next run at 2026-11-27 03:00:00 +01:00`, or why it is due. */
export function turnText({ why, time, begin }: Turn, timezone: string, now: Date): string {
  if (why === "never run") return "due now: it was never run";
  if (why === "unfinished") {
    const when = begin > now ? `at ${formatTime(begin, timezone)}` : "now";
    return `due ${when}: its last run was ended before its time and is taken up again`;
  }
  if (begin > now) return `next run at ${formatTime(begin, timezone)}`;
  return `due now: no run was begun since ${formatTime(time ?? begin, timezone)}`;
}

/** Of a job of whose past nothing is known yet. */
function unasked(job: TimedJob, now: Date) {
  return {
    state: "asking" as const,
    since: now,
    askedAt: undefined,
    question: undefined,
    from: now,
    turn: nextTurn(job, now),
    isOwed: false,
  };
}

const shown = ({ job, state, since, turn }: Entry): ScheduledJob => ({ job: job.name, state, since, next: turn });

const timing = ({ schedule, timezone, catchUpMs, jitterMs }: TimedJob): string =>
  JSON.stringify([schedule, timezone, catchUpMs, jitterMs]);

const isOver = (since: Date | undefined, now: Date, ms: number): boolean =>
  since === undefined || now.getTime() - since.getTime() >= ms || since > now;
