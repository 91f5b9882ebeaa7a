import type { Backup } from "../backup.ts";
import { checkMetrics } from "../measures/metrics-checks.ts";
import { checkNotifiers } from "./notifier-checks.ts";
import type { RunChecks } from "./run-checks.ts";

/** Looks, beside the runs of these jobs, whether everyone can be told and metrics can be given away. `since`: when they began. */
export function checkOutside(backup: Backup, jobs: readonly string[], since = backup.now()): RunChecks {
  const checks = [checkNotifiers(backup, jobs), checkMetrics(backup, jobs, since)];
  return {
    warnings: async (job) => (await Promise.all(checks.map((one) => one.warnings(job)))).flat(),
  };
}
