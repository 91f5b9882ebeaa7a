import { sample } from "../../lib/measures/job-samples.ts";
import type { Published } from "../../lib/metrics/metrics.ts";

/** What a run of these jobs has to give away. */
export function published(
  names: readonly string[],
  {
    configured = names,
    configFile = "/etc/core-backup.yml",
  }: Partial<Pick<Published, "configured" | "configFile">> = {},
): Published {
  const jobs = names.map((job) => ({
    job,
    samples: [
      sample("core_backup_job_info", 1, { service: "git", storage: "local", config: configFile, version: "1" }),
      sample("core_backup_storage_readable", 1),
      sample("core_backup_snapshot_bytes", 1_234_567_890_123, { side: "source" }),
      sample("core_backup_runs_total", 7, { status: "ok" }),
    ],
    increments: [
      sample("core_backup_runs_total", 1, { status: "ok" }),
      sample("core_backup_collected_bytes_total", 5_000_000_000, { side: "source" }),
    ],
  }));
  return { jobs, configured, configFile, labels: { site: "fra" } };
}
