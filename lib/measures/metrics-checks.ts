import type { Backup } from "../backup.ts";
import { findJob } from "../jobs.ts";
import type { ManifestWarning } from "../manifest.ts";
import type { RunChecks } from "../notify/run-checks.ts";
import { samplesOf } from "./metrics-page.ts";
import { publishMetrics } from "./publish-metrics.ts";
import { readCounts } from "./run-counts.ts";

/**
 * Gives away, beside the runs, that they have begun: a manifest is never rewritten, so an output that does not work has to
 * be known before it is written, and a run that never ends shows.
 */
export function checkMetrics(backup: Backup, jobs: readonly string[], since: Date): RunChecks {
  const begun = backup.metricsTargets.length === 0 ? Promise.resolve([]) : begin(backup, jobs, since);
  // Read before the run's end writes there.
  const before = new Map(jobs.map((job) => [job, unsent(backup, job)]));
  return {
    async warnings(job) {
      const failed = (await begun).flatMap(({ output, error }) =>
        error === undefined ? [] : [{ code: error.code, message: `metrics ${output}: ${error.message}` }],
      );
      return [...((await before.get(job)) ?? []), ...failed];
    },
  };
}

async function begin(backup: Backup, names: readonly string[], running: Date) {
  const jobs = await Promise.all(
    names.map(async (name) => ({
      ...(await samplesOf(backup, findJob(backup.config, name), running)),
      increments: [],
    })),
  );
  return publishMetrics(backup, jobs, backup.signal);
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
