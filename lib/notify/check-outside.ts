import type { Backup } from "../backup.ts";
import { checkMetrics } from "../measures/metrics-checks.ts";
import { checkNotifiers } from "./notifier-checks.ts";
import type { RunChecks } from "./run-checks.ts";

/** Looks, beside the runs of these jobs, whether everyone can be told and metrics can be given away. */
export function checkOutside(backup: Backup, jobs: readonly string[]): RunChecks {
  const notifiers = checkNotifiers(backup, jobs);
  const metrics = checkMetrics(backup, jobs);
  return {
    ...metrics,
    warnings: async (job) => (await Promise.all([notifiers(job), metrics.warnings(job)])).flat(),
  };
}
