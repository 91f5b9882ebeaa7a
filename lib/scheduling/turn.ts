import { createHash } from "node:crypto";
import type { Job } from "../config/schema.ts";
import { EARLY_MS } from "./due.ts";
import { nextRuns } from "./schedule.ts";

const LEAST_PAUSE_MS = 10 * 60_000;

export type TimedJob = Pick<Job, "name" | "schedule" | "timezone" | "catchUpMs" | "jitterMs">;

/** When a job is to run. */
export interface Turn {
  /** The time of the schedule; undefined for a job that is due for another reason than its schedule. */
  readonly time: Date | undefined;
  /** The moment to begin: `time` and the job's jitter. It can lie in the past: the time was missed. */
  readonly begin: Date;
  readonly why: "scheduled" | "never run" | "unfinished";
}

/** What the storage says of the past of a job. */
export interface JobPast {
  /** When a run was last begun, however it ended; undefined for a job that was never run. */
  readonly lastStart: Date | undefined;
  /** From when on a run that was ended before its time is to be taken up again; undefined where there is none. */
  readonly unfinished: Date | undefined;
  /** Whether some process is at work on the job, so that it is not known yet how that run ends. */
  readonly running: boolean;
}

/**
 * The first turn of a job whose past is known, by the one rule that `serve` and `run --due` share: a time of the schedule is
 * served by any run that was begun at it or later, and times that were missed are one turn, at once. A job that was
 * never run, is due at once too, and so is one whose last run can be taken up again, unless that was tried in vain. What lies longer ago than `catch_up` says is let
 * go. Undefined for a job without a schedule. Pure.
 */
export function firstTurn(job: TimedJob, past: JobPast, now: Date): Turn | undefined {
  if (job.schedule === undefined) return undefined;
  const { catchUpMs } = job;
  const oldest = catchUpMs === undefined ? undefined : new Date(now.getTime() - catchUpMs);
  // Dated by a clock that was ahead.
  const last = past.lastStart === undefined || past.lastStart > now ? past.lastStart && now : past.lastStart;
  if (past.unfinished === undefined || catchUpMs === 0) return scheduledTurn(job, last, oldest, now);
  const taken: Turn = { time: undefined, begin: latest(past.unfinished, now) ?? now, why: "unfinished" };
  if (taken.begin <= now) return taken;
  // A time that comes before that, or that came since the last try, takes it up too.
  const scheduled = scheduledTurn(job, last, oldest, now);
  return scheduled !== undefined && scheduled.begin < taken.begin ? scheduled : taken;
}

/** The job for which a time that has passed counts, though its `catch_up` is `false`. Pure. */
export function withMissed(job: TimedJob): TimedJob {
  const { catchUpMs, ...timed } = job;
  return catchUpMs === 0 ? timed : job;
}

function scheduledTurn(job: TimedJob, last: Date | undefined, oldest: Date | undefined, now: Date): Turn | undefined {
  if (last === undefined && oldest === undefined) return { time: undefined, begin: now, why: "never run" };
  if (last === undefined || (oldest !== undefined && oldest > last)) return nextTurn(job, oldest ?? now);
  return nextTurn(job, servedUntil(job, last));
}

/**
 * When a run that was begun at `begun` and ended before its time is to be taken up again, `lastStart` being when that was
 * last tried: the first time at once, and after that when as much time again has passed as since it was first taken up (since it began, where each try
 * failed before that). What ends it each time would otherwise end it every few minutes. Pure.
 */
export function takenUpFrom(begun: Date, lastStart: Date | undefined, firstTakenUp?: Date): Date {
  const last = (lastStart ?? begun).getTime();
  const tried = last - (firstTakenUp ?? begun).getTime();
  if (firstTakenUp === undefined && tried <= EARLY_MS) return begun;
  return new Date(last + Math.max(LEAST_PAUSE_MS, tried));
}

/** The first turn after a moment up to which all is done. Pure. */
export function nextTurn(job: TimedJob, after: Date): Turn | undefined {
  if (job.schedule === undefined) return undefined;
  const [time, following] = nextRuns(job.schedule, job.timezone, after, job.jitterMs === undefined ? 1 : 2);
  if (time === undefined) return undefined;
  return { time, begin: new Date(time.getTime() + jitter(job, time, following)), why: "scheduled" };
}

/** True when a run that was begun at `start` is that of the turn; one without a time is served by what was begun since it came. Pure. */
export function isServed(job: TimedJob, { time, begin }: Turn, start: Date): boolean {
  if (time === undefined) return start > begin;
  if (time.getTime() - start.getTime() > EARLY_MS) return false;
  return start >= time || servedUntil(job, start) >= time;
}

export function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return new Date(Math.max(a.getTime(), b.getTime()));
}

/** Up to when a run serves: one that was begun a little before a time, by a clock that is a little fast, is that time's. Pure. */
export function servedUntil({ schedule, timezone }: TimedJob, start: Date): Date {
  if (schedule === undefined) return start;
  const [time, following] = nextRuns(schedule, timezone, start, 2);
  if (time === undefined) return start;
  const gap = following === undefined ? Number.POSITIVE_INFINITY : following.getTime() - time.getTime();
  return time.getTime() - start.getTime() <= Math.min(EARLY_MS, gap / 4) ? time : start;
}

/** The same whoever asks and however often, and never so much that two times meet. */
function jitter({ name, jitterMs = 0 }: TimedJob, time: Date, following: Date | undefined): number {
  const gap = following === undefined ? Number.POSITIVE_INFINITY : following.getTime() - time.getTime();
  const span = Math.min(jitterMs, gap / 2);
  const digest = createHash("sha256").update(`${name}\0${time.toISOString()}`).digest();
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * span);
}
