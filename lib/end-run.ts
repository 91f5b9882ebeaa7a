import type { Backup } from "./backup.ts";
import { type ErrorCode, errorRecord, LeaseLostError, NotifierError } from "./errors.ts";
import { folderWithoutPlan, recordFailedRun } from "./failed-run.ts";
import type { StepPointer } from "./function-steps.ts";
import { findJob } from "./jobs.ts";
import { type AbandonedOptions, giveBackAbandoned } from "./lease/abandoned-lease.ts";
import { continueLease } from "./lease/lease.ts";
import { emitMetrics } from "./measures/emit-metrics.ts";
import type { RunOutcome } from "./notify/job-report.ts";
import { notify } from "./notify/notify.ts";
import { wasHeard } from "./notify/tell.ts";

export interface EndedRun {
  readonly outcome: RunOutcome;
  /** How many snapshots the retention removed. */
  readonly removed: number;
  /** Absent for a run that never began. */
  readonly pointer?: StepPointer | undefined;
}

export interface Told {
  /** Notifiers that were told, in part too, and that could not be. */
  readonly told: number;
  readonly untold: number;
  /** Outputs that could not be given the metrics. */
  readonly unmeasured: number;
}

/**
 * The last step, however the others ended: gives the lease back, tells, gives metrics away, and records why there is no manifest.
 * Throws nothing that has to do with any of it.
 */
export async function endRun(backup: Backup, { outcome, pointer, removed }: EndedRun): Promise<Told> {
  if (pointer !== undefined) await giveBack(backup, pointer);
  logEnd(backup, outcome, pointer);
  const ended = { ...outcome, run: outcome.run ?? pointer?.run };
  const { deliveries } = await notify(backup, { runs: [ended] });
  const told = deliveries.filter((one) => wasHeard(one, outcome.job)).length;
  const metrics = await emitMetrics(backup, [{ ...ended, removed }]);
  // Last: a storage that does not answer takes long, and holds up nobody here.
  await recordIfFailed(backup, ended, pointer);
  return { told, untold: deliveries.length - told, unmeasured: metrics.filter(({ ok }) => !ok).length };
}

export interface StoppedRun extends Omit<AbandonedOptions, "signal" | "executions"> {
  readonly job: string;
  /** ARN */
  readonly execution: string;
}

/**
 * `endRun` of an execution that was ended from outside; `from` is absent where its lease is not known. It is told first: its steps
 * may still be at work. @throws NotifierError when there is someone to tell, and nobody could be: nothing else remembers that run
 */
export async function endStoppedRun(backup: Backup, outcome: RunOutcome, from: StoppedRun | undefined): Promise<Told> {
  const ended = await endRun(backup, { outcome, removed: 0 });
  if (from !== undefined) await giveBackStopped(backup, from);
  if (ended.told > 0 || ended.untold === 0) return ended;
  const message = `nobody could be told of the stopped run of job ${outcome.job}: see the log for each notifier`;
  throw new NotifierError("NOTIFIER_UNREACHABLE", message);
}

/**
 * Gives back the lease of an execution that was ended from outside, and went through none of its last states. Where a step is
 * at work for longer, the next plan finds out by itself that the execution has ended. Throws nothing that has to do with it.
 */
export async function giveBackStopped(backup: Backup, { job: name, execution, ...options }: StoppedRun): Promise<void> {
  const log = backup.log.with({ job: name });
  try {
    const storage = await backup.storage(findJob(backup.config, name));
    const { state } = await giveBackAbandoned(storage, name, {
      ...options,
      executions: [execution],
      signal: backup.signal,
    });
    if (state === "held") log.warn("a step of the stopped run is still at work, and its lease is left to run out");
    else if (state === "taken")
      log.info("the lease is another one's by now, or the run was redriven: it is left as it is");
    else log.info("the stopped run holds no lease any more");
  } catch (error) {
    log.warn(...notGivenBack(backup, error));
  }
}

function logEnd({ log, redaction }: Backup, { job, status, snapshot, error }: RunOutcome, pointer?: StepPointer): void {
  const about = log.with({ job, run: pointer?.run });
  const fields = { status, snapshot, code: error?.code };
  if (error === undefined) about.info("the run ended", fields);
  else about.error(`the run ended: ${redaction.redact(error.message)}`, fields);
}

/** One that is lost is another run's by now, and one that cannot be had runs out by itself. */
async function giveBack(backup: Backup, { job: name, lease: token }: StepPointer): Promise<void> {
  try {
    const job = findJob(backup.config, name);
    const lease = await continueLease(await backup.storage(job), name, token, backup);
    await lease.release();
  } catch (error) {
    if (error instanceof LeaseLostError) return;
    backup.log.with({ job: name }).warn(...notGivenBack(backup, error));
  }
}

/** Of a run whose steps made no manifest: else only the history of its execution would say what happened. */
async function recordIfFailed(backup: Backup, ended: RunOutcome, pointer: StepPointer | undefined): Promise<void> {
  const { job, status, snapshot, error, run } = ended;
  if (status !== "failed" || snapshot !== undefined || error === undefined) return;
  // Who has the job now may be at work in that very folder.
  if (error.code === "LEASE_LOST") return;
  const failedAt = backup.now();
  try {
    const storage = await backup.storage(findJob(backup.config, job));
    const folder = pointer?.snapshot ?? (await folderWithoutPlan(storage, job, failedAt));
    const about = { job, snapshot: folder, ...(run === undefined ? {} : { run }) };
    const told = { ...error, message: backup.redaction.redact(error.message) };
    await recordFailedRun(storage, { ...about, failedAt, error: told });
  } catch (thrown) {
    const { message, code } = errorRecord(thrown, backup.redaction.redact);
    backup.log.with({ job }).warn(`why the run failed could not be recorded: ${message}`, { code });
  }
}

function notGivenBack({ redaction }: Backup, error: unknown): [string, { readonly code: ErrorCode }] {
  const { message, code } = errorRecord(error, redaction.redact);
  return [`the lease could not be given back, and runs out by itself: ${message}`, { code }];
}
