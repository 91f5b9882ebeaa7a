import type { Job } from "../config/schema.ts";
import { nextRuns } from "./schedule.ts";

/** A run takes its time, and so do what retries it and what delays it. */
const LEAST_GRACE_MS = 15 * 60_000;
const MOST_GRACE_MS = 24 * 3_600_000;
/** A run that a clock which is a little fast began before its time is that time's. */
export const EARLY_MS = 60_000;

/**
 * When a job must have its next good snapshot, the last one being of `since`: after `deadline`, or else at its next
 * scheduled time and half of the way to the one after that, at most a day. Undefined for a job with neither. Pure.
 */
export function dueAt({ deadlineMs, schedule, timezone }: DueJob, since: Date): Date | undefined {
  if (deadlineMs !== undefined) return new Date(since.getTime() + deadlineMs);
  if (schedule === undefined) return undefined;
  const [next, afterNext] = nextRuns(schedule, timezone, new Date(since.getTime() + EARLY_MS), 2);
  return next === undefined ? undefined : graceEnd(next, afterNext);
}

/** Until when a run may take that is to begin at `time`, the one after it at `following`: half of the way, at most a day. */
export function graceEnd(time: Date, following: Date | undefined): Date {
  const gap = following === undefined ? MOST_GRACE_MS : following.getTime() - time.getTime();
  return new Date(time.getTime() + Math.min(MOST_GRACE_MS, Math.max(LEAST_GRACE_MS, gap / 2)));
}

export type DueJob = Pick<Job, "deadlineMs" | "schedule" | "timezone">;
