import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { eachLimited } from "../pool.ts";
import { nextRuns } from "../scheduling/schedule.ts";
import { tool } from "../tool.ts";
import { type WatchInput, watch } from "../watch/watch.ts";
import type { WatchedJob } from "../watch/watch-job.ts";
import { type DayCell, daysOf } from "./days.ts";
import { type JobPast, readPast } from "./past-runs.ts";
import { type StoredDay, storedInAll } from "./stored-days.ts";

/** The state of everything at one moment: what the page, the terminal and `report --json` show. */
export interface Overview {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly at: string;
  readonly config: string;
  /** How many days `days` and `runs` of a job go back, today included. */
  readonly span: number;
  /** In the order of the configuration; jobs that it does not have any more come last. */
  readonly jobs: readonly JobOverview[];
  /** As stored, by all snapshots of all jobs. */
  readonly bytes: number;
  readonly snapshots: number;
  /** The course of `bytes`. */
  readonly storedDays: readonly StoredDay[];
}

/** What the watch says of a job, and its past. */
export interface JobOverview extends WatchedJob, JobPast {
  readonly service: string;
  readonly schedule: string | null;
  readonly timezone: string;
  readonly nextRun: string | null;
  /** Of the job's time zone, oldest first. */
  readonly days: readonly DayCell[];
}

const SPAN_DAYS = 60;
const JOBS_AT_ONCE = 8;

/**
 * Reads the state of the jobs from storage and configuration alone, and writes nothing. A storage that cannot be read, or not
 * within the time that the watch has, is a problem of its jobs, as it is for the watch.
 */
export async function overview(
  backup: Backup,
  jobs: readonly Job[],
  time: Pick<WatchInput, "withinMs"> = {},
): Promise<Overview> {
  const now = backup.now();
  const { jobs: watched } = await watch(backup, jobs, { dryRun: true, ...time });
  const found: JobOverview[] = [];
  await eachLimited(watched.entries(), JOBS_AT_ONCE, async ([n, one]) => {
    found[n] = await jobOverview(backup, one, now);
  });
  return {
    schemaVersion: 1,
    tool,
    at: now.toISOString(),
    config: backup.config.file,
    span: SPAN_DAYS,
    jobs: found,
    bytes: sum(found.map(({ bytes }) => bytes)),
    snapshots: sum(found.map(({ snapshots }) => snapshots)),
    storedDays: storedInAll(found),
  };
}

async function jobOverview(backup: Backup, watched: WatchedJob, now: Date): Promise<JobOverview> {
  const job = backup.config.jobs.find(({ name }) => name === watched.job);
  const timezone = job?.timezone ?? "UTC";
  const past = await readPast(backup, watched, job, SPAN_DAYS);
  const [next] = job?.schedule === undefined ? [] : nextRuns(job.schedule, timezone, now, 1);
  return {
    ...watched,
    ...past,
    service: job?.service ?? past.runs[0]?.service ?? "unknown",
    schedule: job?.schedule ?? null,
    timezone,
    nextRun: next?.toISOString() ?? null,
    days: daysOf(past.runs, { schedule: job?.schedule, timezone, firstRun: past.firstRun, now, span: SPAN_DAYS }),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
