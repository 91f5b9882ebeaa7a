import type { Backup } from "./backup.ts";
import { errorRecord, LeaseLostError } from "./errors.ts";
import type { StepPointer } from "./function-steps.ts";
import { findJob } from "./jobs.ts";
import { continueLease } from "./lease/lease.ts";
import { emitMetrics } from "./measures/emit-metrics.ts";
import type { RunOutcome } from "./notify/job-report.ts";
import { notify } from "./notify/notify.ts";

export interface EndedRun {
  readonly outcome: RunOutcome;
  /** How many snapshots the retention removed. */
  readonly removed: number;
  /** Absent for a run that never began. */
  readonly pointer?: StepPointer | undefined;
}

export interface Told {
  /** Notifiers that were told, and that could not be. */
  readonly told: number;
  readonly untold: number;
  /** Outputs that could not be given the metrics. */
  readonly unmeasured: number;
}

/** The last step, however the others ended: gives the lease back, tells, and gives metrics away. Throws nothing that has to do with any of it. */
export async function endRun(backup: Backup, { outcome, pointer, removed }: EndedRun): Promise<Told> {
  if (pointer !== undefined) await giveBack(backup, pointer);
  logEnd(backup, outcome, pointer);
  const { deliveries } = await notify(backup, { runs: [outcome] });
  const told = deliveries.filter(({ ok }) => ok).length;
  const metrics = await emitMetrics(backup, [{ ...outcome, removed }]);
  return { told, untold: deliveries.length - told, unmeasured: metrics.filter(({ ok }) => !ok).length };
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
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log
      .with({ job: name })
      .warn(`the lease could not be given back, and runs out by itself: ${message}`, { code });
  }
}
