import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TextfileOptions } from "../config/metrics-options.ts";
import { TransientError } from "../errors.ts";
import { folderName } from "../keys.ts";
import { prometheusText } from "../measures/prometheus-text.ts";
import { replaceFile } from "../replace-file.ts";
import type { MetricsOutput, Published, PublishedJob } from "./metrics.ts";

const PREFIX = "core_backup_";
const MARK = "# by core-backup, of ";

/**
 * A file for each job, so that runs of several jobs, also in several processes, are not in each other's way. Files are
 * renamed into place whole, as the textfile collector asks: https://github.com/prometheus/node_exporter#textfile-collector
 */
export function textfileOutput({ folder }: TextfileOptions): MetricsOutput {
  return {
    async publish(published, signal) {
      try {
        for (const job of published.jobs) {
          signal.throwIfAborted();
          await write(folder, job, published);
        }
        await removeForgotten(folder, published);
      } catch (error) {
        signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new TransientError("METRICS_UNREACHABLE", `metrics cannot be written: ${why}`, { cause: error });
      }
    },
  };
}

async function write(folder: string, job: PublishedJob, published: Published): Promise<void> {
  const text = `${markOf(published.configFile, job.job)}\n${prometheusText([job], published.labels)}`;
  await replaceFile(join(folder, fileName(job.job)), text);
}

/** Only what this configuration wrote: others may share the folder. */
async function removeForgotten(folder: string, { configured, configFile }: Published): Promise<void> {
  if (configured === undefined) return;
  const kept = new Set(configured.map(fileName));
  const begin = markOf(configFile, "");
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(".prom") || kept.has(name)) continue;
    const path = join(folder, name);
    if ((await readFile(path, "utf8").catch(() => "")).startsWith(begin)) await rm(path, { force: true });
  }
}

const fileName = (job: string): string => `${PREFIX}${folderName(job)}.prom`;

const markOf = (configFile: string, job: string): string =>
  `${MARK}${JSON.stringify(configFile)}, job ${job.replaceAll("\n", " ")}`;
