import type { Backup } from "./backup.ts";
import { collect } from "./collect.ts";
import type { Job } from "./config/schema.ts";
import { type ErrorRecord, errorRecord, InterruptedError, LeaseHeldError, type LeaseHolder } from "./errors.ts";
import { finish } from "./finish.ts";
import { betweenHooks, hookOnFailure } from "./hooks/run-hooks.ts";
import { findJob } from "./jobs.ts";
import { type LeasedBackup, underLease } from "./lease/under-lease.ts";
import { firstFault, type Manifest, type Verification } from "./manifest.ts";
import type { RunTiming } from "./measures/run-measures.ts";
import { type StepTimes, stepTimes } from "./measures/step-times.ts";
import { checkOutside } from "./notify/check-outside.ts";
import type { RunChecks } from "./notify/run-checks.ts";
import { type Planned, plan } from "./plan.ts";
import { readPlan } from "./plan-line.ts";
import { eachLimited } from "./pool.ts";
import type { RunEvent } from "./progress.ts";
import { type PruneResult, prune } from "./prune.ts";
import type { ResumeMode } from "./resume/resume.ts";
import { rememberBegun } from "./scheduling/begun-here.ts";
import { verify } from "./verify.ts";

/** `refused`: another process is at work on the job, so nothing was begun. */
export type RunStatus = "ok" | "partial" | "failed" | "interrupted" | "refused";

export interface JobResult {
  readonly job: string;
  readonly status: RunStatus;
  /** Absent for a run that never began. */
  readonly snapshot?: string;
  /** Absent where no snapshot came to exist. */
  readonly manifest?: Manifest;
  readonly verification?: Verification;
  readonly prune?: PruneResult;
  readonly error?: ErrorRecord;
  /** For a run that was taken up again: when, this time last, and how many units had ended before. */
  readonly resumed?: { readonly at: readonly string[]; readonly kept: number };
  /** For a job that was refused: who works on it. */
  readonly heldBy?: LeaseHolder;
  /** When its steps happened; absent for a run that never began. */
  readonly timing?: RunTiming;
  /** For a job that was not begun because another one failed. */
  readonly skippedBecause?: string;
}

export interface RunResult {
  readonly status: RunStatus;
  readonly jobs: readonly JobResult[];
}

export interface RunOptions {
  /** How long to wait for another process that works on the job. 0: not at all. */
  readonly waitMs: number;
  readonly resume: ResumeMode;
  /** Ids or globs of units that the run is narrowed to; all when absent. */
  readonly only: readonly string[] | undefined;
  /** Asked right before a job begins that had to wait for room. Where it is false, as another process has run it meanwhile, it is left out. Must not throw. */
  readonly isStillDue: (job: Job) => Promise<boolean>;
  /** Told of each job when it has ended, while others go on. Must not throw. */
  readonly ended: (result: JobResult) => void;
}

const DEFAULTS: RunOptions = {
  waitMs: 0,
  resume: "within",
  only: undefined,
  isStillDue: async () => true,
  ended: () => {},
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Runs jobs side by side, up to `max_jobs`. A job that fails leaves the others alone, unless it is `fatal`. */
export async function runJobs(
  backup: Backup,
  names: readonly string[],
  options: Partial<RunOptions> = {},
): Promise<RunResult> {
  const jobs = names.map((name) => findJob(backup.config, name));
  const results = new Map<number, JobResult>();
  const checks = checkOutside(backup, names);
  const given = { ...DEFAULTS, ...options };
  let fatal: string | undefined;
  await eachLimited(jobs.entries(), backup.config.max_jobs, async ([n, job]) => {
    const result = await next(job, n >= backup.config.max_jobs);
    if (result === undefined) return;
    results.set(n, result);
    given.ended(result);
  });
  const ended = jobs.flatMap((_, n) => results.get(n) ?? []);
  return { status: worst(ended), jobs: ended };

  async function next(job: Job, hasWaited: boolean): Promise<JobResult | undefined> {
    if (backup.signal.aborted) return { job: job.name, status: "interrupted" };
    if (fatal !== undefined)
      return { job: job.name, status: "failed", skippedBecause: `${fatal} is fatal and did not succeed` };
    if (hasWaited && !(await given.isStillDue(job))) return undefined;
    const result = await runJob(backup, job, given, checks);
    if (job.fatal && result.status !== "ok") fatal = job.name;
    return result;
  }
}

/** The steps in their order. Throws nothing: what goes wrong is in the result. */
async function runJob(
  backup: Backup,
  job: Job,
  { waitMs, resume, only }: RunOptions,
  checks: RunChecks,
): Promise<JobResult> {
  const result: Mutable<JobResult> = { job: job.name, status: "failed" };
  const times = stepTimes(backup.now);
  const begunAt = backup.now();
  const remember = async () => {
    // Of a narrowed run the job's times know nothing.
    if (only === undefined) await rememberBegun(backup, job, begunAt);
  };
  try {
    const storage = await backup.storage(job);
    // Before there can be a lease. What is to be cleared away under it is `plan`'s to do.
    await storage.prepare();
    const request = { purpose: "run", narrowed: only !== undefined, processBound: true, waitMs } as const;
    await underLease(backup, job, request, async (leased) => {
      times.leaseTaken();
      await remember();
      checks.begun(job.name, backup.now());
      return steps(leased, job, { resume, only, checks, times }, result);
    });
  } catch (error) {
    const interrupted = backup.signal.aborted;
    result.status = interrupted ? "interrupted" : error instanceof LeaseHeldError ? "refused" : "failed";
    if (error instanceof LeaseHeldError) result.heldBy = error.holder;
    // One that was refused, or stopped while it waited, has served no time.
    if (result.status === "failed") await remember();
    result.error = errorRecord(interrupted ? backup.signal.reason : error, backup.redaction.redact);
    backup.log.with({ job: job.name }).error(result.error.message, { code: result.error.code });
    if (result.error.code === "INTERNAL" && error instanceof Error) backup.log.debug(error.stack ?? error.message);
  }
  await hookOnFailure(backup, job, times, result);
  await checks.settled(job.name);
  result.timing = times.timing();
  return result;
}

interface StepContext {
  readonly resume: ResumeMode;
  readonly only: readonly string[] | undefined;
  readonly checks: RunChecks;
  readonly times: StepTimes;
}

async function steps(
  backup: LeasedBackup,
  job: Job,
  { resume, only, checks, times }: StepContext,
  result: Mutable<JobResult>,
): Promise<void> {
  const { done: planned, warnings: ofHooks } = await betweenHooks(backup, job, times, async () => {
    const planned = await times.step("plan", () => plan(backup, { job: job.name, resume, only }));
    result.snapshot = planned.snapshot;
    await collectPlanned(backup, job, planned, times, result);
    return planned;
  });
  const warnings = [...(await checks.warnings(job.name)), ...ofHooks];
  const manifest = await times.step("finish", () => finish(backup, planned, warnings));
  result.manifest = manifest;
  result.status = manifest.status;
  if (manifest.status === "failed") return;
  const { snapshot } = manifest;
  const verification = await times.step("verify", () => verify(backup, { job: job.name, snapshot, mode: "policy" }));
  result.verification = verification;
  if (!verification.ok) {
    result.status = "failed";
    result.error = firstFault(verification);
    return;
  }
  result.prune = await times.step("prune", () => prune(backup, { job: job.name, dryRun: false }));
  if (result.prune.refused !== undefined) {
    result.status = "failed";
    result.error = { code: "REFUSED", message: result.prune.refused, retryable: false };
    backup.log.with({ job: job.name }).error(result.prune.refused, { code: "REFUSED" });
  }
}

async function collectPlanned(
  backup: LeasedBackup,
  job: Job,
  planned: Planned,
  times: StepTimes,
  result: Mutable<JobResult>,
): Promise<void> {
  const { resumedAt } = planned;
  let kept = 0;
  const emit = (event: RunEvent) => {
    if (event.type === "unit-kept") kept += 1;
    backup.emit(event);
  };
  try {
    await times.step("collect", () => collectAll({ ...backup, emit }, job, planned));
  } finally {
    if (resumedAt.length > 0) result.resumed = { at: resumedAt, kept };
  }
}

/**
 * An interrupt lets running units write their records and begins no more. The run is then left without a manifest: it
 * is not a snapshot, and can be taken up again.
 */
async function collectAll(backup: LeasedBackup, job: Job, planned: Planned): Promise<void> {
  const storage = await backup.storage(job);
  const log = backup.log.with({ job: job.name, run: planned.run });
  await eachLimited(readPlan(storage, planned), job.concurrency, async (unit) => {
    if (backup.signal.aborted) return;
    try {
      await collect(backup, { ...planned, unit });
    } catch (error) {
      if (backup.signal.aborted) return;
      // The record could not be written: `finish` will say UNIT_LOST, and the other units go on.
      log.error(errorRecord(error, backup.redaction.redact).message, { unit: unit.id });
    }
  });
  if (backup.signal.aborted)
    throw backup.signal.reason instanceof Error ? backup.signal.reason : new InterruptedError("SIGTERM");
}

function worst(results: readonly JobResult[]): RunStatus {
  const statuses = results.map((result) => result.status);
  if (statuses.includes("interrupted")) return "interrupted";
  if (statuses.every((status) => status === "ok")) return "ok";
  if (statuses.every((status) => status === "refused")) return "refused";
  return statuses.every((status) => status === "failed" || status === "refused") ? "failed" : "partial";
}
