import { resolve } from "node:path";
import type { Backup } from "../backup.ts";
import type { Config, Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { jobStanding, type StandingMemory } from "../job-standing.ts";
import { isLive, readLease } from "../lease/lease-document.ts";
import { eachLimitedBy } from "../pool.ts";
import type { Storage } from "../storage/storage.ts";
import { type TimeToLook, timeToLook } from "../watch/time-to-look.ts";
import { jobSamples } from "./job-samples.ts";
import { type JobSamples, prometheusText } from "./prometheus-text.ts";
import { readCounts } from "./run-counts.ts";

/** What lies far back, by the configuration that it was looked for under: another one may have a job elsewhere, or prove. */
export type PageMemory = WeakMap<Config, Map<string, StandingMemory>>;

/** Of each storage. */
const JOBS_AT_ONCE = 4;

/**
 * Every metric of every job in Prometheus' text format (content type `text/plain; version=0.0.4`), read from the storage
 * anew with each call: whoever serves it to more than one scraper keeps it for a while, and a memory of what lies far back. Throws
 * nothing: a job whose storage cannot be read, or not within the time, says so in `core_backup_storage_readable`.
 */
export async function metricsPage(
  backup: Backup,
  { memory, withinMs }: { readonly memory: PageMemory; readonly withinMs: number },
): Promise<string> {
  const { config } = backup;
  const inTime = timeToLook(withinMs);
  const jobs: JobSamples[] = [];
  const known = memory.get(config) ?? new Map<string, StandingMemory>();
  memory.set(config, known);
  await eachLimitedBy(
    config.jobs.entries(),
    ([, job]) => job.target_storage,
    JOBS_AT_ONCE,
    async ([n, job]) => {
      jobs[n] = await samplesOf(backup, job, { memory: known, inTime });
    },
  );
  return prometheusText(jobs, config.metrics?.labels);
}

/** By the lease, so that it is told of a run on another machine too. */
export async function runningSince(storage: Storage, job: string, now: Date): Promise<Date | undefined> {
  const lease = (await readLease(storage, job))?.document;
  return lease?.purpose === "run" && isLive(lease, now) ? new Date(lease.acquiredAt) : undefined;
}

interface SamplesOptions {
  readonly running?: Date;
  readonly memory?: Map<string, StandingMemory>;
  /** Default: as long as the storage takes. */
  readonly inTime?: TimeToLook;
}

/** What is known of a job just now; `running`: since when it runs. Throws nothing. */
export async function samplesOf(
  backup: Backup,
  job: Job,
  { running, memory, inTime = timeToLook() }: SamplesOptions,
): Promise<JobSamples> {
  const base = { configFile: resolve(backup.config.file), job, now: backup.now(), running };
  try {
    return await inTime(async () => {
      const storage = await backup.storage(job);
      const counts = await readCounts(storage, job.name);
      // Asked several times a minute: what no run has looked for is not looked for here.
      const standing = await jobStanding(storage, job, {
        ...{ now: base.now, proof: counts.proof, searchesProof: false },
        ...(memory === undefined ? {} : { memory }),
      });
      const since = running ?? (await runningSince(storage, job.name, base.now));
      return { job: job.name, samples: jobSamples({ ...base, running: since, stored: { standing, counts } }) };
    });
  } catch (error) {
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: job.name }).debug(`metrics know nothing of the storage: ${message}`, { code });
    return { job: job.name, samples: jobSamples({ ...base, stored: undefined }) };
  }
}
