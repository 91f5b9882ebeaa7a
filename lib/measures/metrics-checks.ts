import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { findJob } from "../jobs.ts";
import type { ManifestWarning } from "../manifest.ts";
import type { RunChecks } from "../notify/run-checks.ts";
import { samplesOf } from "./metrics-page.ts";
import { type MetricsDelivery, publishMetrics } from "./publish-metrics.ts";
import { readCounts } from "./run-counts.ts";

/**
 * Gives away, beside the run of each job, that it has begun: a manifest is never rewritten, so an output that does not work has to
 * be known before it is written, and a run that never ends shows. One that failed is given no more begins: forty jobs
 * would each wait for it, under their leases, as long as all of them together may.
 */
export function checkMetrics(backup: Backup, jobs: readonly string[]): RunChecks {
  const begun = new Map<string, ReturnType<typeof begin>>();
  const failed = new Map<string, MetricsDelivery>();
  // Read before the run's end writes there.
  const before = new Map(jobs.map((job) => [job, unsent(backup, job)]));
  return {
    begun(job, since) {
      if (backup.metricsTargets.length > 0) begun.set(job, begin(backup, findJob(backup.config, job), since, failed));
    },
    async settled(job) {
      await begun.get(job);
    },
    async warnings(job) {
      const unreached = ((await begun.get(job)) ?? []).flatMap(({ output, error }) =>
        error === undefined ? [] : [{ code: error.code, message: `metrics ${output}: ${error.message}` }],
      );
      return [...((await before.get(job)) ?? []), ...unreached];
    },
  };
}

async function begin(
  backup: Backup,
  job: Job,
  running: Date,
  failed: Map<string, MetricsDelivery>,
): Promise<readonly MetricsDelivery[]> {
  const samples = await samplesOf(backup, job, { running });
  const known = [...failed.values()];
  const metricsTargets = backup.metricsTargets.filter(({ name }) => !failed.has(name));
  const deliveries = await publishMetrics(
    { ...backup, metricsTargets },
    [{ ...samples, increments: [] }],
    backup.signal,
  );
  for (const one of deliveries) if (!one.ok) failed.set(one.output, one);
  return [...known, ...deliveries];
}

/** What the last run could not give away, when its manifest was written already. */
async function unsent(backup: Backup, job: string): Promise<readonly ManifestWarning[]> {
  if (backup.config.metrics === undefined) return [];
  try {
    const counts = await readCounts(await backup.storage(findJob(backup.config, job)), job);
    return counts.unsent.map(({ output, at, message }) => ({
      code: "METRICS_UNREACHABLE",
      message: `metrics of the run before this could not be given to ${output}, at ${at}: ${message}`,
    }));
  } catch {
    // A storage that cannot be read is told of by whoever needs it.
    return [];
  }
}
