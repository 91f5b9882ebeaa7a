import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { type ErrorRecord, errorRecord } from "../errors.ts";
import type { ManifestWarning } from "../manifest.ts";
import type { StepTimes } from "../measures/step-times.ts";
import type { RunOutcome } from "../notify/job-report.ts";
import { runHook } from "./hooks.ts";

/** What puts things back in order is not ended by what ends the run, but by its own timeout. */
const never = new AbortController().signal;

/**
 * `before`, the work, and then `after` however it went, also when the run is told to stop: what `before` stopped has to go on.
 * That `after` failed is a warning: what was read is as good. @throws what `before` and `work` throw
 */
export async function betweenHooks<T>(
  backup: Backup,
  job: Job,
  times: StepTimes,
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly warnings: readonly ManifestWarning[] }> {
  const { before, after } = job.hooks ?? {};
  let failed: ErrorRecord | undefined;
  let done: T;
  try {
    if (before !== undefined) await times.step("before", () => runHook(backup, job, "before", {}, backup.signal));
    done = await work();
  } finally {
    if (after !== undefined) {
      failed = await failureOf(backup, job, () => times.step("after", () => runHook(backup, job, "after", {}, never)));
    }
  }
  return { done, warnings: failed === undefined ? [] : [{ code: failed.code, message: failed.message }] };
}

/** `on_failure`, last of all and under no lease. That it fails is for the log: the run has failed already. */
export async function hookOnFailure(
  backup: Backup,
  job: Job,
  times: StepTimes,
  { status, error, snapshot }: RunOutcome,
): Promise<void> {
  if (job.hooks?.on_failure === undefined || status === "ok" || status === "refused") return;
  const facts = {
    CORE_BACKUP_STATUS: status,
    ...(error === undefined ? {} : { CORE_BACKUP_ERROR: error.code }),
    ...(snapshot === undefined ? {} : { CORE_BACKUP_SNAPSHOT: snapshot }),
  };
  await failureOf(backup, job, () => times.step("on_failure", () => runHook(backup, job, "on_failure", facts, never)));
}

async function failureOf(backup: Backup, job: Job, work: () => Promise<void>): Promise<ErrorRecord | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const record = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: job.name }).error(record.message, { code: record.code });
    return record;
  }
}
