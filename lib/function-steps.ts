import * as z from "zod";
import type { Backup } from "./backup.ts";
import { collect } from "./collect.ts";
import type { Config } from "./config/schema.ts";
import { DeferredError, type ErrorCode, LeaseBlockedError, LeaseHeldError, SourceError } from "./errors.ts";
import { finish } from "./finish.ts";
import { findJob } from "./jobs.ts";
import { planKey, snapshotTime } from "./keys.ts";
import { acquireLease, type LeaseRequest } from "./lease/acquire-lease.ts";
import { continueLease, type HeldLease } from "./lease/lease.ts";
import { type LeasedBackup, leased } from "./lease/under-lease.ts";
import type { Manifest } from "./manifest.ts";
import { checkOutside } from "./notify/check-outside.ts";
import { plan } from "./plan.ts";
import type { PlanLine } from "./plan-line.ts";
import { type PruneResult, prune } from "./prune.ts";
import type { Storage } from "./storage/storage.ts";

/*
 * The steps of one run, each in a process of its own, as the state machine calls them: those of run.ts, with the lease
 * handed on by its token. What they answer is small, because it travels from state to state. endRun gives the lease back.
 */

/** What goes from state to state. */
export const stepPointerSchema = z.object({
  job: z.string(),
  snapshot: z.string(),
  run: z.string(),
  resumed: z.int().nonnegative(),
  lease: z.string(),
});

export type StepPointer = Readonly<z.infer<typeof stepPointerSchema>>;

/** What stands on every line that a step logs. */
export const aboutStep = ({ job, run, snapshot }: StepPointer) => ({ job, run, snapshot });

export interface Begun {
  readonly pointer: StepPointer;
  /** Of the plan, relative to the prefix of the storage, or of the bucket for copies of plans: a unit a line. */
  readonly planKey: string;
  readonly units: number;
}

export interface BeginInput extends Pick<LeaseRequest, "execution" | "executionState"> {
  readonly job: string;
  readonly only: readonly string[] | undefined;
}

/** Of a Plan's fifteen minutes: a desk's process that died is certain to be gone by then, and what is short has ended. */
const PATIENCE_MS = 5 * 60_000;

/**
 * A whole run of another execution is as good as this one, and too long to be waited for. Anyone else is.
 * @throws LeaseHeldError when a run of the job goes on; LeaseBlockedError when something else does; else what `plan` throws,
 * DeferredError included: then nothing was begun but the listing
 */
export async function beginRun(backup: Backup, input: BeginInput): Promise<Begun> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  await storage.prepare();
  const lease = await leaseOfRun(backup, storage, job.name, input);
  try {
    const step = leased(backup, job, storage, lease);
    const { snapshot, run, resumed, units } = await plan(step, {
      ...{ job: job.name, resume: "within", only: input.only, execution: input.execution },
    });
    const copies = await backup.planCopies?.(job);
    const key = planKey(job.name, snapshot);
    if (copies !== undefined) await copies.put(key, await storage.get(key));
    await lease.leave();
    const pointer = { job: job.name, snapshot, run, resumed, lease: lease.token };
    return { pointer, planKey: key, units };
  } catch (error) {
    await lease.release();
    throw error;
  }
}

async function leaseOfRun(
  backup: Backup,
  storage: Storage,
  job: string,
  { only, execution, executionState }: BeginInput,
): Promise<HeldLease> {
  const request: LeaseRequest = {
    purpose: "run",
    narrowed: only !== undefined,
    processBound: false,
    waitMs: (held) => (held?.execution !== undefined && held.narrowed !== true ? 0 : PATIENCE_MS),
    execution,
    executionState,
  };
  try {
    return await acquireLease(storage, job, request, backup);
  } catch (error) {
    if (!(error instanceof LeaseHeldError)) throw error;
    const { purpose, narrowed } = error.holder;
    if (purpose === "run" && narrowed !== true) throw error;
    const why = `${error.message}, also ${PATIENCE_MS / 60_000} minutes later; that is no run of the whole job, so this one is missing`;
    throw new LeaseBlockedError(why, { cause: error });
  }
}

/** When the source asked to come back while units were listed. Nothing else was begun then, and no lease is held. */
export interface PutOff {
  readonly status: "deferred";
  readonly resumeAt: string;
}

/** Enough for some turns of a limit that begins anew each hour, where one unit may take less. */
const LEAST_LISTING_MS = 6 * 60 * 60_000;

/**
 * `beginRun`, with being put off as a result. A source that puts it off again and again, and that gives nothing meanwhile, fails the run once six hours
 * have passed `since` it was first listed, or the job's timeout where that is longer.
 * @throws as `beginRun`; SourceError when it was put off for too long
 */
export async function planStep(
  backup: Backup,
  { since, ...input }: BeginInput & { readonly since?: Date | undefined },
  asConfigured: Config,
): Promise<Begun | PutOff> {
  try {
    return await beginRun(backup, input);
  } catch (error) {
    if (!(error instanceof DeferredError)) throw error;
    const { code, message, until } = error;
    const resumeAt = until.toISOString();
    const longestMs = Math.max(findJob(asConfigured, input.job).timeoutMs, LEAST_LISTING_MS);
    if (!error.isFurther && since !== undefined && until.getTime() - since.getTime() > longestMs) {
      const why = `which is more than ${longestMs / 60_000} minutes after ${since.toISOString()}, when the run began`;
      throw new SourceError(code, `listing the units was put off until ${resumeAt}, ${why}: ${message}`, {
        cause: error,
      });
    }
    backup.log.with({ job: input.job }).info(`listing goes on at ${resumeAt}: ${message}`);
    return { status: "deferred", resumeAt };
  }
}

export interface Collected {
  readonly status: "ok" | "unchanged" | "failed" | "skipped" | "deferred";
  /** With `deferred`: when to call again, as the source asked. */
  readonly resumeAt?: string;
  /** With `failed`: it was the function's time that was up, and not what the job allows, or its room for temporary files. A task has more of both. */
  readonly needsTask?: true;
  /** With `failed`: why. */
  readonly code?: ErrorCode;
}

/** One unit in a function. That it failed is a result; what is thrown is for the state machine to try again. */
export async function collectStep(
  backup: Backup,
  pointer: StepPointer,
  unit: PlanLine,
  asConfigured: Config,
): Promise<Collected> {
  return goingOn(backup, pointer, async (step) => {
    try {
      // What is only taken over stays what it was collected by.
      const compute = unit.reuse === undefined ? "lambda" : unit.compute;
      const { status, error } = await collect(step, { ...pointer, unit: { ...unit, compute } });
      const hadTime = findJob(backup.config, pointer.job).timeoutMs >= findJob(asConfigured, pointer.job).timeoutMs;
      const needsTask = error?.code === "SCRATCH_FULL" || (error?.code === "UNIT_TIMEOUT" && !hadTime);
      return {
        status: status === "running" ? "failed" : status,
        ...(needsTask ? { needsTask } : {}),
        ...(error === undefined ? {} : { code: error.code }),
      };
    } catch (error) {
      if (!(error instanceof DeferredError)) throw error;
      await step.lease.keepUntil(error.until);
      return { status: "deferred", resumeAt: error.until.toISOString() };
    }
  });
}

export type Finished = Pick<Manifest, "job" | "snapshot" | "run" | "status" | "totals">;

export async function finishStep(backup: Backup, pointer: StepPointer): Promise<Finished> {
  return goingOn(backup, pointer, async (step) => {
    const checks = checkOutside(step, [pointer.job]);
    checks.begun(pointer.job, snapshotTime(pointer.snapshot) ?? step.now());
    const warnings = await checks.warnings(pointer.job);
    const { job, snapshot, run, status, totals } = await finish(step, pointer, warnings);
    return { job, snapshot, run, status, totals };
  });
}

export interface Pruned {
  readonly status?: "failed";
  readonly removed: number;
  /** What `notify` is to tell of earlier snapshots. */
  readonly prune: Pick<PruneResult, "problems">;
  readonly refused?: string;
}

export async function pruneStep(backup: Backup, pointer: StepPointer): Promise<Pruned> {
  return goingOn(backup, pointer, async (step) => {
    const { removed, problems, refused } = await prune(step, { job: pointer.job, dryRun: false });
    return {
      removed: removed.length,
      prune: { problems },
      ...(refused === undefined ? {} : { status: "failed" as const, refused }),
    };
  });
}

/** Under the lease that `beginRun` took, which is left held. @throws LeaseLostError, or what `work` throws */
export async function goingOn<T>(
  backup: Backup,
  pointer: StepPointer,
  work: (step: LeasedBackup) => Promise<T>,
): Promise<T> {
  const job = findJob(backup.config, pointer.job);
  const storage = await backup.storage(job);
  const lease = await continueLease(storage, job.name, pointer.lease, backup);
  try {
    return await work(leased(backup, job, storage, lease));
  } finally {
    await lease.leave();
  }
}
