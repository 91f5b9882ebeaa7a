import { resolve } from "node:path";
import type { Backup } from "../backup.ts";
import { jobNames } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { MetricsError } from "../errors.ts";
import type { Published, PublishedJob } from "../metrics/metrics.ts";
import { type Attempted, attemptOutside } from "../notify/attempt-outside.ts";

/** What became of the metrics at one output. */
export interface MetricsDelivery extends Attempted {
  readonly output: string;
  readonly ok: boolean;
}

/** Gives all of it to every output, within half of each one's `timeout`. Throws nothing. */
export async function publishMetrics(
  backup: Backup,
  jobs: readonly PublishedJob[],
  parent: AbortSignal,
): Promise<readonly MetricsDelivery[]> {
  const { config } = backup;
  const published: Published = {
    jobs,
    configured: await configuredNow(config),
    configFile: resolve(config.file),
    labels: config.metrics?.labels ?? {},
  };
  const outOfTime = (message: string) => new MetricsError("METRICS_UNREACHABLE", message);
  return Promise.all(
    backup.metricsTargets.map(async ({ name, timeoutMs, open }) => {
      const attempted = await attemptOutside(backup, { limitMs: timeoutMs / 2, parent, outOfTime }, async (signal) =>
        (await open()).publish(published, signal),
      );
      const { error } = attempted;
      if (error !== undefined && !parent.aborted) {
        backup.log.warn(`metrics ${name}: ${error.message}`, { code: error.code });
      }
      return { output: name, ok: error === undefined, ...attempted };
    }),
  );
}

/** A run that began before a job was put into the file must not take away what that one has given meanwhile. */
async function configuredNow({ file, jobs }: Config): Promise<Published["configured"]> {
  const inFile = await jobNames(file);
  return inFile && [...new Set([...jobs.map(({ name }) => name), ...inFile])];
}
