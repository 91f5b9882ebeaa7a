import type { Told } from "../notify/told.ts";
import { type DueJob, dueAt } from "../scheduling/due.ts";
import { nextRuns } from "../scheduling/schedule.ts";

/**
 * Whose jobs lie in a storage is not known where no job of their configuration is left in ours: it may be another one's, that shares the
 * storage, or ours, of which all jobs were renamed at once. Nobody has one that is neither watched nor run any more.
 */

/** When a configuration that has the job last watched it, and for how long it may then be neither watched nor run. */
type Claim = Pick<NonNullable<Told["watch"]>, "seen" | "quietDays">;

const DAY_MS = 86_400_000;
/** Of a job of which it is not known when it is to run. */
const UNKNOWN_QUIET_DAYS = 40;

/** By whole days, so that it changes once a day, and what was told is written no more often. Pure. */
export function claimNow(job: DueJob, now: Date): Required<Claim> {
  const seen = dayOf(now);
  const today = new Date(seen);
  // One that runs once a week is not due before next week, though today's run comes first.
  const [first = today] = job.schedule === undefined ? [] : nextRuns(job.schedule, job.timezone, today, 1);
  const quiet = [today, first].map((since) => daysUntil(dueAt(job, since), since));
  return { seen, quietDays: Math.max(...quiet) };
}

const daysUntil = (due: Date | undefined, since: Date): number =>
  due === undefined ? UNKNOWN_QUIET_DAYS : Math.ceil((due.getTime() - since.getTime()) / DAY_MS);

/** Whether somebody may have the job still that was last watched, or run, at `last`. Pure. */
export function isClaimed({ quietDays = UNKNOWN_QUIET_DAYS }: Claim, last: Date, now: Date): boolean {
  return now.getTime() < Date.parse(dayOf(last)) + (quietDays + 1) * DAY_MS;
}

const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
