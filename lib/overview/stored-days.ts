import { snapshotTime } from "../keys.ts";
import { lastDays } from "./days.ts";

/** What all snapshots held by the end of a day of UTC. */
export interface StoredDay {
  /** `2026-11-26` */
  readonly day: string;
  readonly bytes: number;
}

/**
 * The last `span` days, oldest first, from the first on that anything is known of up to `today`. A day without a record is as the
 * one before it: only a run adds and only prune removes, and both leave one. Pure.
 */
export function storedDays(recorded: readonly StoredDay[], today: StoredDay, span: number): readonly StoredDay[] {
  const byDay = new Map([...recorded, today].map(({ day, bytes }) => [day, bytes]));
  const [first = today.day] = [...byDay.keys()].sort();
  const [start = today.day] = lastDays(today.day, span);
  const before = [...byDay.keys()].filter((day) => day < start).sort();
  let bytes = byDay.get(before.at(-1) ?? "") ?? 0;
  return lastDays(today.day, span)
    .filter((day) => day >= first)
    .map((day) => {
      bytes = byDay.get(day) ?? bytes;
      return { day, bytes };
    });
}

/** From the end of the first of the last `span` days that is known to now; undefined where it is today alone. Pure. */
export function storedChange(
  days: readonly StoredDay[],
  span: number,
): { readonly since: string; readonly bytes: number } | undefined {
  const [first, ...later] = days.slice(-span);
  const now = later.at(-1);
  return first === undefined || now === undefined ? undefined : { since: first.day, bytes: now.bytes - first.bytes };
}

interface JobStored {
  readonly firstRun: string | null;
  readonly storedDays: readonly StoredDay[];
}

/**
 * The same of all jobs together. What a job held between its first run and its first record is not known, and taken for what it held then.
 * Pure.
 */
export function storedInAll(jobs: readonly JobStored[]): readonly StoredDay[] {
  const totals = new Map<string, number>();
  for (const day of [...new Set(jobs.flatMap((job) => job.storedDays.map((one) => one.day)))].sort())
    totals.set(day, 0);
  for (const { firstRun, storedDays: known } of jobs) {
    const byDay = new Map(known.map(({ day, bytes }) => [day, bytes]));
    const begun = firstRun === null ? undefined : snapshotTime(firstRun)?.toISOString().slice(0, 10);
    for (const [day, total] of totals) {
      const unknown = begun !== undefined && day >= begun ? (known[0]?.bytes ?? 0) : 0;
      totals.set(day, total + (byDay.get(day) ?? unknown));
    }
  }
  return [...totals].map(([day, bytes]) => ({ day, bytes }));
}
