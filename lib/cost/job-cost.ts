import type { Job } from "../config/schema.ts";
import type { Manifest } from "../manifest.ts";
import { nextRuns } from "../scheduling/schedule.ts";
import { type Cost, costOf } from "./cost.ts";
import type { Prices } from "./prices.ts";
import type { RunShape } from "./run-usage.ts";

/** A unit of a plan, as far as it matters here. */
export interface PricedUnit {
  readonly compute: "lambda" | "fargate";
  /** Known to be as it was: it is taken over and not collected. */
  readonly isUnchanged: boolean;
}

export interface JobCost extends Cost {
  readonly runsPerMonth: number;
  readonly snapshots: number;
  readonly bytes: number;
  /** What was not known, and so assumed, in words. */
  readonly assumed: readonly string[];
}

const DAYS = 30;
const DAY_MS = 86_400_000;
const MAX_RUNS = 5_000;
/** Where nothing was ever collected. */
const SECONDS = 6;
const BYTES = 20e6;
const VERIFIED_BYTES_PER_SECOND = 60e6;

/**
 * What the job costs by its plan, the durations and sizes of its last run (`last`, with how long verifying it took) and how
 * many snapshots it keeps now. Pure.
 */
export function jobCost(
  job: Job,
  units: readonly PricedUnit[],
  last: { readonly manifest: Manifest; readonly verifyMs: number | undefined } | undefined,
  { snapshots, now, prices }: { readonly snapshots: number; readonly now: Date; readonly prices: Prices },
): JobCost {
  const assumed: string[] = [];
  const assume = <T>(value: T, what: string): T => {
    assumed.push(what);
    return value;
  };
  const collected = units.filter(({ isUnchanged }) => !isUnchanged);
  const took = (last?.manifest.units ?? []).filter(({ status }) => status === "ok").map(({ durationMs }) => durationMs);
  const secondsPerUnit =
    took.length > 0
      ? took.reduce((sum, ms) => sum + ms, 0) / took.length / 1000
      : assume(SECONDS, `${SECONDS} s for a unit, since the last run collected none`);
  const bytes =
    last?.manifest.totals.bytes ?? assume(units.length * BYTES, `${BYTES / 1e6} MB a unit, since there is no snapshot`);
  const artifacts = last?.manifest.totals.artifacts ?? units.length;
  const runsPerMonth =
    job.schedule === undefined ? assume(DAYS, "a run each day, since it has no schedule") : runsIn(job, now);
  const shape: RunShape = {
    collected: collected.length,
    unchanged: units.length - collected.length,
    onFargate: collected.filter(({ compute }) => compute === "fargate").length,
    artifactsPerUnit: units.length === 0 ? 0 : artifacts / Math.max(1, last?.manifest.totals.units ?? units.length),
    secondsPerUnit,
    bytes,
    verifySeconds: last?.verifyMs === undefined ? bytes / VERIFIED_BYTES_PER_SECOND : last.verifyMs / 1000,
  };
  const kept = Math.max(1, snapshots);
  return {
    ...costOf(shape, { runs: runsPerMonth, snapshots: kept }, prices),
    runsPerMonth,
    snapshots: kept,
    bytes,
    assumed,
  };
}

function runsIn({ schedule = "", timezone }: Job, now: Date): number {
  const end = now.getTime() + DAYS * DAY_MS;
  return nextRuns(schedule, timezone, now, MAX_RUNS).filter((time) => time.getTime() <= end).length;
}
