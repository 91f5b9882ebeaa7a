import { resolve } from "node:path";
import type { Backup } from "../backup.ts";
import { errorRecord } from "../errors.ts";
import { type JobStanding, jobStanding } from "../job-standing.ts";
import { findJob } from "../jobs.ts";
import type { PublishedJob } from "../metrics/metrics.ts";
import { eachLimited } from "../pool.ts";
import type { JobResult } from "../run.ts";
import { jobSamples } from "./job-samples.ts";
import { runningSince } from "./metrics-page.ts";
import { type MetricsDelivery, publishMetrics } from "./publish-metrics.ts";
import { changeCounts, type RunCounts, readCounts } from "./run-counts.ts";
import { addRun, incrementSamples, isCounted, type MeasuredRun, measureRun } from "./run-measures.ts";
import { traceOf } from "./trace-of.ts";

const JOBS_AT_ONCE = 4;
const never = new AbortController().signal;

/**
 * Counts runs that ended and gives the metrics of their jobs to every output, which takes no longer than half of each
 * output's `timeout`. Does nothing without `metrics` in the configuration. Throws nothing: a lost metric fails no backup.
 */
export async function emitMetrics(backup: Backup, runs: readonly MeasuredRun[]): Promise<readonly MetricsDelivery[]> {
  if (backup.config.metrics === undefined && backup.metricsTargets.length === 0) return [];
  const jobs: PublishedJob[] = [];
  await eachLimited(runs.entries(), JOBS_AT_ONCE, async ([n, run]) => {
    jobs[n] = await counted(backup, run);
  });
  const deliveries = await publishMetrics(backup, jobs, never);
  if (backup.config.metrics !== undefined)
    await eachLimited(runs, JOBS_AT_ONCE, (run) => remember(backup, run.job, deliveries));
  return deliveries;
}

/** Of the results of `runJobs`: those that were begun, or refused. */
export function measuredRuns(results: readonly JobResult[]): readonly MeasuredRun[] {
  return results
    .filter(({ skippedBecause }) => skippedBecause === undefined)
    .map(({ job, status, snapshot, error, timing, prune }) => {
      return { job, status, snapshot, error, timing, removed: prune?.removed.length ?? 0 };
    });
}

async function counted(backup: Backup, run: MeasuredRun): Promise<PublishedJob> {
  const job = findJob(backup.config, run.job);
  const now = backup.now();
  const base = { configFile: resolve(backup.config.file), job, now };
  try {
    const storage = await backup.storage(job);
    const { proof } = await readCounts(storage, job.name);
    const standing = await jobStanding(storage, job, {
      now,
      proof,
      searchesProof: backup.config.metrics !== undefined,
    });
    // One that was refused tells nothing of the other process's run but that it goes on.
    const running = run.status === "refused" ? await runningSince(storage, job.name, now) : undefined;
    const entry = standing.newest?.snapshot === run.snapshot ? standing.newest : undefined;
    const measures = measureRun(run, entry, now);
    let isNew = true;
    const counts = await countsAfter(backup, run.job, (before) => {
      isNew = !isCounted(before, measures);
      return withProof(isNew ? addRun(before, measures) : before, standing);
    });
    return {
      job: job.name,
      samples: jobSamples({ ...base, running, stored: { standing, counts } }),
      increments: isNew ? incrementSamples(measures) : [],
      ...traceOf(job, run, measures, entry),
    };
  } catch (error) {
    const measures = measureRun(run, undefined, now);
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: job.name }).warn(`the run cannot be counted in metrics: ${message}`, { code });
    return {
      job: job.name,
      samples: jobSamples({ ...base, stored: undefined }),
      increments: incrementSamples(measures),
      ...traceOf(job, run, measures, undefined),
    };
  }
}

/** So that who looks next need not look through all that is not proved. */
function withProof(counts: RunCounts, { newest, provedAt, provedIn }: JobStanding): RunCounts {
  if (newest === undefined) return counts;
  const at = provedAt?.toISOString() ?? null;
  // What was known before is of one further back than was looked.
  const snapshot = at === null ? undefined : (provedIn ?? counts.proof?.snapshot);
  return { ...counts, proof: { upTo: newest.snapshot, at, ...(snapshot === undefined ? {} : { snapshot }) } };
}

/** What could not be given away is in the manifest of the next run. */
async function remember(backup: Backup, name: string, deliveries: readonly MetricsDelivery[]): Promise<void> {
  const at = backup.now().toISOString();
  const unsent = deliveries
    .filter(({ ok }) => !ok)
    .map(({ output, error }) => ({ output, at, message: error?.message ?? "unknown" }));
  try {
    await countsAfter(backup, name, (before) => ({ ...before, unsent }));
  } catch (error) {
    backup.log.with({ job: name }).debug(errorRecord(error, backup.redaction.redact).message);
  }
}

const countsAfter = async (
  backup: Backup,
  name: string,
  change: (before: RunCounts) => RunCounts,
): Promise<RunCounts> => {
  const storage = await backup.storage(findJob(backup.config, name));
  // Traces alone, which variables ask for, are no reason to write anything into the storage.
  if (backup.config.metrics === undefined) return change(await readCounts(storage, name));
  return changeCounts(storage, name, change);
};
