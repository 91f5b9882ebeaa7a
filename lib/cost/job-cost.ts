import type { Job } from "../config/schema.ts";
import type { Manifest, Verification } from "../manifest.ts";
import { nextRuns } from "../scheduling/schedule.ts";
import { TASK_BYTES } from "../verify-part-limits.ts";
import { type Cost, costOf } from "./cost.ts";
import type { Prices } from "./prices.ts";
import { type RunShape, unitsRead, verifyPartsOf } from "./run-usage.ts";

/** A unit of a plan, as far as it matters here. */
export interface PricedUnit {
  readonly compute: "lambda" | "fargate";
  /** Known to be as it was: it is taken over and not collected. */
  readonly isUnchanged: boolean;
}

/** The last snapshot of the whole job, and how verifying it went. */
export interface LastSnapshot {
  readonly manifest: Manifest;
  readonly verification: Pick<Verification, "durationMs" | "parts"> | undefined;
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
/** Of verifying, in one process. */
const BYTES_PER_SECOND = 60e6;

interface Kept {
  /** That there are now. */
  readonly snapshots: number;
  /** Days for which the bucket keeps what prune removed; 0 for one that keeps nothing. */
  readonly oldVersionsDays: number;
}

/**
 * What the job costs by its plan, the durations and sizes of its last run and how many snapshots it keeps now.
 * Pure.
 */
export function jobCost(
  job: Job,
  units: readonly PricedUnit[],
  last: LastSnapshot | undefined,
  { snapshots, oldVersionsDays, now, prices }: Kept & { readonly now: Date; readonly prices: Prices },
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
  const size = {
    collected: collected.length,
    unchanged: units.length - collected.length,
    artifactsPerUnit: units.length === 0 ? 0 : artifacts / Math.max(1, last?.manifest.totals.units ?? units.length),
    bytes,
  };
  const shape: RunShape = {
    ...size,
    onFargate: collected.filter(({ compute }) => compute === "fargate").length,
    secondsPerUnit,
    ...verifying(job, size, last, assume),
  };
  const kept = Math.max(1, snapshots);
  if (oldVersionsDays > 0)
    assume(
      oldVersionsDays,
      `what prune removes stays ${oldVersionsDays} days as old versions, as in the bucket that a stack makes, unless --param=oldVersionsDays says otherwise (one that you gave has its own rules)`,
    );
  return {
    ...costOf(shape, { runs: runsPerMonth, snapshots: kept, oldVersionsDays }, prices),
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

/** By what the last verification took of functions and tasks, which is more than its time where parts were done side by side. */
function verifying(
  job: Job,
  size: Parameters<typeof verifyPartsOf>[0],
  last: LastSnapshot | undefined,
  assume: (bytesPerSecond: number, what: string) => number,
): Pick<RunShape, "verifySeconds" | "verifyOnFargate"> {
  const { durationMs, parts } = last?.verification ?? {};
  if (parts !== undefined) {
    const { lambda, fargate } = parts;
    return {
      verifySeconds: lambda.durationMs / 1000,
      verifyOnFargate: { parts: fargate.parts, seconds: fargate.durationMs / 1000 },
    };
  }
  const isInParts = verifyPartsOf(size) > 0;
  if (durationMs !== undefined && !isInParts)
    return { verifySeconds: durationMs / 1000, verifyOnFargate: { parts: 0, seconds: 0 } };
  const why = durationMs === undefined ? "there is none yet" : "the last one was in one go, and the next is in parts";
  const rate = assume(BYTES_PER_SECOND, `${BYTES_PER_SECOND / 1e6} MB/s for verifying, since ${why}`);
  const share = unitsRead(size) / Math.max(1, size.collected + size.unchanged);
  const large =
    job.compute === "lambda"
      ? []
      : (last?.manifest.units ?? [])
          .flatMap(({ artifacts }) => artifacts.map(({ bytes }) => bytes))
          .filter((bytes) => bytes > TASK_BYTES);
  const onTasks = share * large.reduce((sum, bytes) => sum + bytes, 0);
  return {
    verifySeconds: (share * size.bytes - onTasks) / rate,
    verifyOnFargate: { parts: share * large.length, seconds: onTasks / rate },
  };
}
