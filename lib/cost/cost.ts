import type { Prices } from "./prices.ts";
import { type RunShape, type RunUsage, runUsage } from "./run-usage.ts";

export interface MonthShape {
  readonly runs: number;
  /** Snapshots that the retention keeps at once; each holds all artifacts. */
  readonly snapshots: number;
  /** Days for which the bucket keeps what prune removed. */
  readonly oldVersionsDays: number;
}

/** US dollars by service. */
export interface Bill {
  readonly lambda: number;
  readonly stepFunctions: number;
  readonly fargate: number;
  readonly s3Requests: number;
  readonly s3Storage: number;
  /** Logs, traces, alarms, events and schedules. */
  readonly watching: number;
  /** Nothing leaves AWS by a backup; what a restore of all of it to a desk would cost is `restore`. */
  readonly egress: number;
  readonly total: number;
}

export interface Cost {
  readonly usage: RunUsage;
  readonly run: Bill;
  readonly month: Bill;
  /** Bringing one whole snapshot to a machine outside of AWS, once. */
  readonly restore: number;
}

const GB = 1024 ** 3;
/** Of each job, and what the watch measures of it. */
const ALARMS_PER_JOB = 3;
const METRICS_PER_JOB = 3;
const WATCHES_PER_MONTH = 730;
/** What a look of the watch asks of a job's storage: thirty days are listed, and four objects of each read. */
export const LOOK = { lists: 34, reads: 128 };
/** Of the stack itself: starts that never happened and the watch's silence; what the watch measures of all jobs together. */
const STACK = { alarms: 2, metrics: 3, watchSeconds: 2, watchGb: 0.5 };

export interface StackCost {
  readonly alarms: number;
  readonly watch: number;
  /** Unless `--param=dashboard=off`, or it is one of an account's first three. */
  readonly dashboard: number;
  readonly total: number;
}

/** What a stack costs a month, however many jobs it has. Pure. */
export function stackMonth(prices: Prices): StackCost {
  const { alarm_month, metric_month, lambda_request, lambda_gb_second, event, dashboard_month: dashboard } = prices;
  const alarms = STACK.alarms * alarm_month + STACK.metrics * metric_month;
  const aWatch = lambda_request + STACK.watchSeconds * STACK.watchGb * lambda_gb_second + event;
  const watch = WATCHES_PER_MONTH * aWatch;
  return { alarms, watch, dashboard, total: alarms + watch + dashboard };
}

/** What the runs of one job cost. Pure. */
export function costOf(shape: RunShape, month: MonthShape, prices: Prices): Cost {
  const { runs } = month;
  const usage = runUsage(shape);
  const run = bill({
    lambda: usage.lambdaRequests * prices.lambda_request + usage.lambdaGbSeconds * prices.lambda_gb_second,
    stepFunctions: usage.transitions * prices.state_transition,
    fargate: usage.fargateVcpuHours * prices.fargate_vcpu_hour + usage.fargateGbHours * prices.fargate_gb_hour,
    s3Requests: usage.s3Writes * prices.s3_write + usage.s3Reads * prices.s3_read,
    s3Storage: 0,
    watching: usage.events * prices.event + usage.logGb * prices.log_gb + usage.lambdaRequests * prices.trace,
  });
  const looks = WATCHES_PER_MONTH * (LOOK.lists * prices.s3_write + LOOK.reads * prices.s3_read);
  // Of the event that the watch puts for each job each time.
  const always =
    ALARMS_PER_JOB * prices.alarm_month + METRICS_PER_JOB * prices.metric_month + WATCHES_PER_MONTH * prices.event;
  return {
    usage,
    run,
    month: bill({
      lambda: run.lambda * runs,
      stepFunctions: run.stepFunctions * runs,
      fargate: run.fargate * runs,
      s3Requests: run.s3Requests * runs + looks,
      s3Storage: (shape.bytes / GB) * copiesIn(month) * prices.s3_gb_month,
      watching: run.watching * runs + always,
    }),
    restore: (shape.bytes / GB) * prices.egress_gb,
  };
}

const DAYS = 30;

/** Of the data: a month on, each run has made a snapshot, and prune has removed one, whose objects the bucket keeps as old versions. */
const copiesIn = ({ runs, snapshots, oldVersionsDays }: MonthShape): number =>
  snapshots + (runs / DAYS) * oldVersionsDays;

function bill(parts: Omit<Bill, "total" | "egress">): Bill {
  const total = Object.values(parts).reduce((sum, one) => sum + one, 0);
  return { ...parts, egress: 0, total };
}

const HOURS_PER_MONTH = 730;
const DISK_GB = 30;

/** The same runs and the same bucket, with a small machine that is always on in place of functions and state machines. */
export function machineMonth(shape: RunShape, month: MonthShape, prices: Prices): number {
  const { s3Requests, s3Storage } = costOf(shape, month, prices).month;
  const machine = HOURS_PER_MONTH * (prices.machine_hour + prices.machine_address_hour);
  return machine + DISK_GB * prices.machine_disk_gb_month + s3Requests + s3Storage;
}
