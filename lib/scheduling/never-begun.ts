import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { hookOnFailure } from "../hooks/run-hooks.ts";
import { stepTimes } from "../measures/step-times.ts";
import type { JobResult } from "../run.ts";

/**
 * A job's turn for which no run could be begun, since what every run needs first cannot be had. It has failed as a run does that fails
 * at its storage: `on_failure` too. Throws nothing.
 */
export async function neverBegun(backup: Backup, job: Job, reason: unknown): Promise<JobResult> {
  const error = errorRecord(reason, backup.redaction.redact);
  const result = { job: job.name, status: "failed", error } as const;
  await hookOnFailure(backup, job, stepTimes(backup.now), result);
  return result;
}
