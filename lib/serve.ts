import { setTimeout as delay } from "node:timers/promises";
import type { Backup } from "./backup.ts";
import { faultLine } from "./config/faults.ts";
import { emitMetrics, measuredRuns } from "./emit-metrics.ts";
import { ConfigError, errorRecord } from "./errors.ts";
import { formatCount, formatDuration } from "./format.ts";
import { type Gathering, gather } from "./gather.ts";
import { jobPast, lastStart } from "./job-past.ts";
import { findJob } from "./jobs.ts";
import { notify } from "./notify.ts";
import { type JobResult, runJobs } from "./run.ts";
import { type ScheduledJob, startScheduler } from "./scheduler.ts";
import { createSlots } from "./slots.ts";

export interface ServeOptions {
  /** Loads and opens the configuration again, its check included. @throws ConfigError */
  readonly reload: () => Promise<Backup>;
}

export interface ServedJob extends ScheduledJob {
  /** How its last run by this process ended. */
  readonly last: JobResult | undefined;
}

export interface Service {
  /** The configuration in force. */
  readonly backup: Backup;
  jobs(): readonly ServedJob[];
  /** Runs by this process that have ended. */
  runs(): number;
  /** Why the configuration that is in the file now is not in force. */
  refused(): string | undefined;
  /** When it last looked at the clock; long ago means that it hangs. */
  lastLook(): Date;
  /** Takes the file's configuration, if it is right; otherwise the present one stays, and the log says why. Throws nothing. */
  reload(): Promise<void>;
  /** Resolves when the backup's signal was aborted and all that ran has ended in order and was told. */
  readonly ended: Promise<void>;
}

/** A configuration in force, or one that was and of which a job still runs. */
interface Generation {
  readonly backup: Backup;
  readonly outcomes: Gathering<JobResult>;
  running: number;
}

/** Whoever was killed on another machine holds its lease a while longer. */
const WAIT_MS = 120_000;
const QUIET_MS = 5_000;
const MOST_MS = 60_000;

/**
 * Runs jobs on their schedules until `first.signal` is aborted, up to `max_jobs` at once, never one that still runs. Each
 * start is an invocation of its own; what ends close together is told in one message. It closes `first` and every
 * later backup.
 */
export function serve(first: Backup, options: ServeOptions): Service {
  const { log, signal, now } = first;
  const results = new Map<string, JobResult>();
  const slots = createSlots(first.config.max_jobs);
  let current = generation(first);
  let reloading: Promise<void> = Promise.resolve();
  let refused: string | undefined;
  let runs = 0;
  const scheduler = startScheduler(first.config.jobs, {
    now,
    log,
    signal,
    sleep: (ms, woken) => delay(ms, undefined, { signal: woken }).catch(() => {}),
    past: (name) => jobPast(current.backup, findJob(current.backup.config, name)),
    lastStart: async (name) => {
      const { backup } = current;
      return lastStart(await backup.storage(findJob(backup.config, name)), name);
    },
    run: (name) => slots.take(() => run(name)),
  });
  return {
    get backup() {
      return current.backup;
    },
    jobs: () => scheduler.jobs().map((one) => ({ ...one, last: results.get(one.job) })),
    runs: () => runs,
    refused: () => refused,
    lastLook: () => scheduler.lastLook(),
    reload: () => {
      reloading = reloading.then(reload);
      return reloading;
    },
    ended: end(),
  };

  async function run(name: string): Promise<void> {
    const inForce = current;
    // It may have been taken out of the file, or all told to stop, while it waited for room.
    if (signal.aborted || !inForce.backup.config.jobs.some((job) => job.name === name)) return;
    inForce.running += 1;
    try {
      const { jobs } = await runJobs(inForce.backup, [name], { waitMs: WAIT_MS });
      for (const result of jobs) {
        runs += 1;
        results.set(name, result);
        say(inForce.backup, result);
        inForce.outcomes.add(result);
      }
      await emitMetrics(inForce.backup, measuredRuns(jobs));
    } catch (error) {
      const { code, message } = errorRecord(error, first.redaction.redact);
      log.with({ job: name }).error(message, { code });
    } finally {
      inForce.running -= 1;
      if (inForce !== current) await leave(inForce);
    }
  }

  async function reload(): Promise<void> {
    if (signal.aborted) return;
    try {
      const next = generation(await options.reload());
      const before = current;
      current = next;
      refused = undefined;
      slots.resize(next.backup.config.max_jobs);
      scheduler.replace(next.backup.config.jobs);
      log.info(`took over ${next.backup.config.file}: ${formatCount(next.backup.config.jobs.length, "job")}`);
      await leave(before);
    } catch (error) {
      refused = errorRecord(error, first.redaction.redact).message;
      for (const fault of error instanceof ConfigError ? error.faults : []) log.error(faultLine(fault));
      log.error(`the configuration is not taken over, the one before stays in force: ${refused}`);
    }
  }

  async function leave(generation: Generation): Promise<void> {
    if (generation.running > 0) return;
    await generation.outcomes.flush();
    await generation.backup.close();
  }

  async function end(): Promise<void> {
    await scheduler.ended;
    await reloading;
    await leave(current);
  }
}

function generation(backup: Backup): Generation {
  const outcomes = gather<JobResult>({ quietMs: QUIET_MS, mostMs: MOST_MS }, async (runs) => {
    await notify(backup, { runs });
  });
  return { backup, outcomes, running: 0 };
}

/** The error of one that failed is in the log already. */
function say({ log }: Backup, { job, status, snapshot, manifest }: JobResult): void {
  const took = manifest === undefined ? "" : ` in ${formatDuration(manifest.durationMs)}`;
  log.with({ job }).info(`ended: ${status}${took}`, { snapshot });
}
