import { snapshotTime } from "../keys.ts";
import { calendarLabels } from "../retention/retention-buckets.ts";
import { EARLY_MS, graceEnd } from "../scheduling/due.ts";
import { nextRuns } from "../scheduling/schedule.ts";
import type { RunState, RunSummary } from "./run-summary.ts";

/** Worst first: a day is called by the worst that happened in it. */
export const dayStates = [
  "failed",
  "missed",
  "partial",
  "unverified",
  "running",
  "good",
  "narrowed",
  "proved",
  "none",
] as const;
export type DayState = (typeof dayStates)[number];

export interface DayCell {
  /** `2026-11-26`, in the job's time zone. */
  readonly day: string;
  /** `missed`: it should have run, and did not. `none`: nothing was to happen, and nothing did. */
  readonly state: DayState;
  /** The runs that began in this day, newest first. */
  readonly snapshots: readonly string[];
}

interface Calendar {
  readonly schedule: string | undefined;
  readonly timezone: string;
  /** Nothing is missed before it. */
  readonly firstRun: string | null;
  readonly now: Date;
  readonly span: number;
}

const DAY_MS = 86_400_000;

/** The last `span` days up to today, oldest first. Judged by the schedule of today: an earlier one is not known. Pure. */
export function daysOf(runs: readonly RunSummary[], calendar: Calendar): DayCell[] {
  const { timezone, now, span } = calendar;
  const ofDay = Map.groupBy(runs, ({ snapshot }) => dayOf(timeOf(snapshot), timezone));
  const begun = runs.map(({ snapshot }) => timeOf(snapshot).getTime());
  return lastDays(dayOf(now, timezone), span).map((day) => {
    const here = ofDay.get(day) ?? [];
    const missed = here.length === 0 && isMissed(day, begun, calendar);
    return {
      day,
      state: missed ? "missed" : worst(here.map(({ state }) => state)),
      snapshots: here.map(({ snapshot }) => snapshot),
    };
  });
}

function worst(states: readonly RunState[]): DayState {
  return dayStates.find((state) => states.some((one) => one === state)) ?? "none";
}

/** The day's first time stands for the day: a run of it may have begun after midnight. */
function isMissed(day: string, begun: readonly number[], { schedule, timezone, firstRun, now }: Calendar): boolean {
  if (schedule === undefined || firstRun === null) return false;
  const [slot, next] = nextRuns(schedule, timezone, new Date(startOfDay(day, timezone).getTime() - 1), 2);
  if (slot === undefined || dayOf(slot, timezone) !== day || slot < timeOf(firstRun)) return false;
  if (graceEnd(slot, next) > now) return false;
  const end = next?.getTime() ?? Number.POSITIVE_INFINITY;
  return !begun.some((time) => time >= slot.getTime() - EARLY_MS && time < end);
}

/** Dates, oldest first, `today` the last. Pure. */
export function lastDays(today: string, span: number): string[] {
  const end = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: span }, (_, n) => new Date(end - (span - 1 - n) * DAY_MS).toISOString().slice(0, 10));
}

/** The first moment that has this date: clocks differ by at most 14 hours from UTC, and some change at midnight. */
function startOfDay(day: string, timezone: string): Date {
  let before = Date.parse(`${day}T00:00:00Z`) - 15 * 3_600_000;
  let within = before + 30 * 3_600_000;
  while (within - before > 60_000) {
    const middle = before + Math.floor((within - before) / 120_000) * 60_000;
    if (dayOf(new Date(middle), timezone) < day) before = middle;
    else within = middle;
  }
  return new Date(within);
}

const dayOf = (time: Date, timezone: string): string => calendarLabels(time, timezone).daily;
const timeOf = (snapshot: string): Date => snapshotTime(snapshot) ?? new Date(0);
