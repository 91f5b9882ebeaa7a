import { setTimeout as delay } from "node:timers/promises";
import type { Backup } from "../backup.ts";
import { faultLine } from "../config/faults.ts";
import type { Config } from "../config/schema.ts";
import { ConfigError, errorRecord } from "../errors.ts";
import { formatCount, formatDuration } from "../format.ts";
import { gather } from "../gather.ts";
import { findJob } from "../jobs.ts";
import type { Log } from "../log.ts";
import { emitMetrics, measuredRuns } from "../measures/emit-metrics.ts";
import { notify } from "../notify/notify.ts";
import { type JobResult, runJobs } from "../run.ts";
import type { Redaction } from "../secrets/redaction.ts";
import { jobPast, lastStart } from "./job-past.ts";
import { neverBegun } from "./never-begun.ts";
import { type ScheduledJob, startScheduler } from "./scheduler.ts";
import { createSlots } from "./slots.ts";

export interface ServeOptions {
  readonly config: Config;
  /** Loads the configuration again, its check included. @throws ConfigError */
  readonly reload: () => Promise<Config>;
  /**
   * Has this process reach its network as a configuration says, with its proxy's secret resolved anew. There is one
   * network for all that runs, so it is called with the configuration in force alone. @throws ConfigError | TransientError
   */
  readonly enter: (config: Config, signal: AbortSignal) => Promise<void>;
  /** Opens one; whoever called it closes it. */
  readonly open: (config: Config, signal: AbortSignal) => Promise<Backup>;
  readonly log: Log;
  readonly redaction: Redaction;
  readonly now: () => Date;
  /** Ends it in order. */
  readonly signal: AbortSignal;
}

export interface ServedJob extends ScheduledJob {
  /** How its last run by this process ended. */
  readonly last: JobResult | undefined;
}

export interface Service {
  /** The configuration in force. */
  config(): Config;
  /** Works with a backup of its own, opened from the configuration in force and closed at the end. */
  using<T>(work: (backup: Backup) => Promise<T>): Promise<T>;
  jobs(): readonly ServedJob[];
  /** Runs by this process that have ended. */
  runs(): number;
  /** Why the configuration that is in the file now is not in force. */
  refused(): string | undefined;
  /** When it last looked at the clock; long ago means that it hangs. */
  lastLook(): Date;
  /** Takes the file's configuration, if it is right; otherwise the present one stays, and the log says why. Throws nothing. */
  reload(): Promise<void>;
  /** Resolves when the signal was aborted and all that ran has ended in order and was told. */
  readonly ended: Promise<void>;
}

/** A run that ended, with the configuration that it was begun under. */
interface Outcome {
  readonly config: Config;
  readonly result: JobResult;
  /** When its time came, and it began or waited for room. */
  readonly dueAt: Date;
}

/** Whoever was killed on another machine holds its lease a while longer. */
const WAIT_MS = 120_000;
const QUIET_MS = 5_000;
const MOST_MS = 60_000;
/** As long as one invocation of `run` gathers: forty jobs of one time, two at once, end over many minutes. */
const MOST_OF_ONE_TIME_MS = 15 * 60_000;
/** Turns of one time are taken one right after the other. */
const ONE_TIME_MS = 30_000;

/**
 * Runs jobs on their schedules until the signal is aborted, up to `max_jobs` at once, never one that still runs. Each
 * start is an invocation of its own, with secrets, connectors and storages opened anew, so that a rotated token or a
 * storage that was down once is of no matter to the next. What ends close together, or was due together, is told in one message.
 */
export function serve(options: ServeOptions): Service {
  const { log, signal, now, redaction } = options;
  const results = new Map<string, JobResult>();
  const slots = createSlots(options.config.max_jobs);
  const outcomes = gather<Outcome>(
    { quietMs: QUIET_MS, mostMs: MOST_MS, more: { isToCome: runsOfItsTime, mostMs: MOST_OF_ONE_TIME_MS } },
    tellAll,
  );
  let config = options.config;
  let entering: Promise<void> = Promise.resolve();
  let reloading: Promise<void> = Promise.resolve();
  let isEntered = false;
  let refused: string | undefined;
  let runs = 0;
  const scheduler = startScheduler(config.jobs, {
    now,
    log,
    signal,
    sleep: (ms, woken) => delay(ms, undefined, { signal: woken }).catch(() => {}),
    past: (name) => using(config, (backup) => jobPast(backup, findJob(backup.config, name))),
    lastStart: (name) =>
      using(config, async (backup) => lastStart(await backup.storage(findJob(backup.config, name)), name)),
    room: (work) => slots.take(work),
    run,
  });
  return {
    config: () => config,
    using: (work) => using(config, work),
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

  /** False where it was refused. */
  async function run(name: string): Promise<boolean> {
    const inForce = config;
    // It may have been taken out of the file, or all told to stop, while it waited for room.
    if (signal.aborted || !inForce.jobs.some((job) => job.name === name)) return true;
    let isBegun = false;
    let isRefused = false;
    try {
      await using(inForce, async (backup) => {
        isBegun = true;
        const { jobs } = await runJobs(backup, [name], { waitMs: WAIT_MS });
        isRefused = jobs.some(({ status }) => status === "refused");
        for (const result of jobs) ended(inForce, result);
        await emitMetrics(backup, measuredRuns(jobs));
      });
    } catch (error) {
      const { code, message } = errorRecord(error, redaction.redact);
      log.with({ job: name }).error(message, { code });
      if (!isBegun && !signal.aborted) await failed(inForce, name, error);
    }
    return !isRefused;
  }

  /** Its network cannot be entered, or nothing can be opened: a run that failed, and tried again when one that failed is. */
  async function failed(inForce: Config, name: string, reason: unknown): Promise<void> {
    try {
      await using(
        inForce,
        async (backup) => {
          const result = await neverBegun(backup, findJob(inForce, name), reason);
          ended(inForce, result);
          if (isEntered) await emitMetrics(backup, measuredRuns([result]));
        },
        async () => {},
      );
    } catch (error) {
      const { code, message } = errorRecord(error, redaction.redact);
      log.with({ job: name }).error(`nobody is told that it failed: ${message}`, { code });
    }
  }

  function ended(begunUnder: Config, result: JobResult): void {
    runs += 1;
    results.set(result.job, result);
    say(result);
    const scheduled = scheduler.jobs().find(({ job }) => job === result.job);
    outcomes.add({ config: begunUnder, result, dueAt: scheduled?.since ?? now() });
  }

  /** Whether others still run, or wait for room, whose time came with its own. One that has ended runs on while it is measured. */
  function runsOfItsTime({ dueAt }: Outcome, ended: readonly Outcome[]): boolean {
    const own = new Set(ended.map(({ result }) => result.job));
    const running = scheduler.jobs().filter(({ job, state }) => state === "running" && !own.has(job));
    return running.some(({ since }) => Math.abs(since.getTime() - dueAt.getTime()) < ONE_TIME_MS);
  }

  async function using<T>(
    opened: Config,
    work: (backup: Backup) => Promise<T>,
    reach: (own: AbortSignal) => Promise<void> = enter,
  ): Promise<T> {
    // Not the signal itself: what listens to it would do so for as long as this process lives.
    const own = new AbortController();
    const stop = () => own.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    let backup: Backup | undefined;
    try {
      if (opened === config) await reach(own.signal);
      backup = await options.open(opened, own.signal);
      return await work(backup);
    } finally {
      signal.removeEventListener("abort", stop);
      await backup?.close();
    }
  }

  /** One after the other. By its turn another configuration may be in force, and then that one counts. */
  function enter(own: AbortSignal, next?: Config): Promise<void> {
    entering = entering
      .catch(() => {})
      .then(async () => {
        await options.enter(next ?? config, own);
        config = next ?? config;
        isEntered = true;
      });
    return entering;
  }

  /** Over the network that was entered last, rather than not at all. Where none was, what is outside of it must not be reached. */
  async function enterOrStay(own: AbortSignal): Promise<void> {
    try {
      await enter(own);
    } catch (error) {
      if (!isEntered) throw error;
      const { code, message } = errorRecord(error, redaction.redact);
      log.warn(`telling over the network as it was entered last: ${message}`, { code });
    }
  }

  async function tellAll(gathered: readonly Outcome[]): Promise<void> {
    for (const [begun, all] of Map.groupBy(gathered, (outcome) => outcome.config)) {
      try {
        await using(begun, (backup) => notify(backup, { runs: all.map(({ result }) => result) }), enterOrStay);
      } catch (error) {
        const { code, message } = errorRecord(error, redaction.redact);
        log.error(`nobody was told of runs that ended: ${message}`, { code });
      }
    }
  }

  async function reload(): Promise<void> {
    if (signal.aborted) return;
    try {
      const next = await options.reload();
      await enter(signal, next);
      refused = undefined;
      slots.resize(config.max_jobs);
      scheduler.replace(config.jobs);
      log.info(`took over ${config.file}: ${formatCount(config.jobs.length, "job")}`);
    } catch (error) {
      refused = errorRecord(error, redaction.redact).message;
      for (const fault of error instanceof ConfigError ? error.faults : []) log.error(faultLine(fault));
      log.error(`the configuration is not taken over, the one before stays in force: ${refused}`);
    }
  }

  /** The error of one that failed is in the log already. */
  function say({ job, status, snapshot, manifest }: JobResult): void {
    const took = manifest === undefined ? "" : ` in ${formatDuration(manifest.durationMs)}`;
    log.with({ job }).info(`ended: ${status}${took}`, { snapshot });
  }

  async function end(): Promise<void> {
    await scheduler.ended;
    await reloading;
    await outcomes.flush();
  }
}
