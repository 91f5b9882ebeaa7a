import type { Backup } from "../lib/backup.ts";
import { loadConfig } from "../lib/config/load.ts";
import type { Config, Job } from "../lib/config/schema.ts";
import {
  CodedError,
  ConfigError,
  type ErrorRecord,
  errorRecord,
  InterruptedError,
  RefusedError,
} from "../lib/errors.ts";
import type { Log, LogLevel } from "../lib/log.ts";
import { enterNetwork } from "../lib/network/enter-network.ts";
import { open } from "../lib/open.ts";
import type { RunEvent } from "../lib/progress.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { givenKeys } from "./given-keys.ts";
import { knownNames } from "./known.ts";
import { commandLog } from "./log-options.ts";
import { isSetUpFault } from "./set-up.ts";
import { stateFolder } from "./state-folder.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_FILE = "core-backup.yml";

/** The configuration's path, as it was given. */
export function configFile({ options, env }: Pick<CommandContext, "options" | "env">): string {
  return options.config ?? (env.CORE_BACKUP_CONFIG || DEFAULT_FILE);
}

/**
 * `sources`: false for what needs no right at the sources, and so no variables and secret files of theirs.
 * @throws ConfigError with every fault of the file
 */
export async function loadedConfig(
  context: CommandContext,
  { sources, notifiers = sources }: Pick<SessionOptions, "sources" | "notifiers">,
): Promise<Config> {
  return loadConfig(configFile(context), { env: context.env, sources, notifiers });
}

export interface SessionOptions {
  readonly sources: boolean;
  /** The same for what tells. Default: as `sources`. */
  readonly notifiers?: boolean;
  /** What the log tells unless --quiet or --verbose says otherwise. */
  readonly level?: LogLevel;
  readonly emit?: (event: RunEvent, log: Log) => void;
}

/** Loads, opens, works, closes. `work` need not heed the signal: the steps do. */
export async function withBackup(
  context: CommandContext,
  { sources, notifiers = sources, level = "warn", emit = () => {} }: SessionOptions,
  work: (backup: Backup) => Promise<ExitCode>,
): Promise<ExitCode> {
  const config = await loadedConfig(context, { sources, notifiers });
  const log = commandLog(context, level);
  const { now, signal, env, redaction } = context;
  const privateKeys = await givenKeys(context);
  await enterNetwork(config, { env, redaction, signal });
  const emitted = (event: RunEvent) => emit(event, log);
  const backup = open(config, {
    ...{ log, emit: emitted, redaction, now, waits: "here", signal, env, privateKeys },
    stateFolder: stateFolder(env),
  });
  try {
    return await work(backup);
  } finally {
    await backup.close();
  }
}

/** The jobs of these names, or all, in the order of the file. @throws UsageError for a name that there is not */
export function chosenJobs(config: Config, names: readonly string[]): readonly Job[] {
  const known = config.jobs.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`${config.file} has no job ${unknown}${knownNames(unknown, known)}`);
  }
  return names.length === 0 ? config.jobs : config.jobs.filter(({ name }) => names.includes(name));
}

export interface JobFailure {
  readonly job: string;
  readonly error: ErrorRecord;
}

export interface JobsEnded {
  readonly failures: readonly JobFailure[];
  /** 2 where the set-up kept every job from being begun. */
  readonly code: ExitCode;
}

/**
 * One job after the other; what goes wrong in one leaves the others alone. What is wrong with the whole (the
 * configuration, a refusal, an interrupt, a fault of ours) is thrown. `work` calls `begin` once it has found all that it
 * needs: until then a storage that refuses is a fault of the set-up.
 */
export async function eachJob(
  backup: Backup,
  jobs: readonly Job[],
  work: (job: Job, begin: () => void) => Promise<void>,
): Promise<JobsEnded> {
  const failures: JobFailure[] = [];
  let neverBegan = 0;
  for (const job of jobs) {
    backup.signal.throwIfAborted();
    let begun = false;
    const begin = () => {
      begun = true;
    };
    try {
      await work(job, begin);
    } catch (error) {
      backup.signal.throwIfAborted();
      if (!isOfOneJob(error)) throw error;
      const record = errorRecord(error, backup.redaction.redact);
      failures.push({ job: job.name, error: record });
      if (!begun && isSetUpFault(record.code)) neverBegan += 1;
      backup.log.with({ job: job.name }).error(record.message, { code: record.code });
    }
  }
  if (failures.length === 0) return { failures, code: 0 };
  return { failures, code: neverBegan === jobs.length ? 2 : 1 };
}

export function isOfOneJob(error: unknown): boolean {
  const ofAll = error instanceof ConfigError || error instanceof RefusedError || error instanceof InterruptedError;
  return error instanceof CodedError && !ofAll && !(error instanceof UsageError);
}
