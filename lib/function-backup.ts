import type { Backup } from "./backup.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import type { ErrorCode } from "./errors.ts";
import { carryingCode } from "./failed-step.ts";
import { keptSecrets } from "./kept-secrets.ts";
import { createLog, type LogFields } from "./log.ts";
import { enterNetwork } from "./network/enter-network.ts";
import { open } from "./open.ts";
import { createRedaction, type Redaction } from "./secrets/redaction.ts";
import type { KeptSecrets } from "./secrets/secrets.ts";

/** What a function is told of its invocation; the part of Lambda's context that is used. */
export interface Invocation {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** What is left for a last record and its answer when a unit's time is up. */
const LAST_WORDS_MS = 20_000;

/** A secret that was rotated is known after so long, unless the old one is refused before. */
const SECRETS_TTL_MS = 5 * 60_000;
const REFUSED: ReadonlySet<unknown> = new Set<ErrorCode>([
  "SOURCE_UNAUTHORIZED",
  "STORAGE_UNAUTHORIZED",
  "NOTIFIER_REFUSED",
]);

export interface FunctionOptions {
  /** Stands on every line of the log: job, run, unit. */
  readonly about?: LogFields;
  readonly env?: Env;
}

let loaded: Promise<Config> | undefined;
const kept = keptSecrets(SECRETS_TTL_MS, () => new Date());

/**
 * One step in a function. The configuration that travels in the package is read once for as long as the function stays
 * warm, and secrets are kept; what it opens lives for one invocation. No unit may take longer than what is left of the
 * function's time, which `asConfigured` does not know of. Where someone refuses a secret that was kept, `work` is done once more with those that are in force by then.
 * @throws what is told of what `work` throws (`carryingCode`): its name, by which the state machine routes, its code in the message
 */
export async function withFunctionBackup<T>(
  invocation: Invocation,
  work: (backup: Backup, asConfigured: Config) => Promise<T>,
  options: FunctionOptions = {},
): Promise<T> {
  kept.begin();
  const redaction = createRedaction();
  try {
    return await twiceIfRefused(() => once(invocation, work, options, redaction));
  } catch (error) {
    throw carryingCode(error, redaction.redact);
  }
}

async function twiceIfRefused<T>(work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    return isRefusal(result) && kept.forgetUsed() ? await work() : result;
  } catch (error) {
    if (isRefusal(error) && kept.forgetUsed()) return await work();
    throw error;
  }
}

/** A step says by `code` why a unit failed, which is no error of the step. */
const isRefusal = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "code" in value && REFUSED.has(value.code);

async function once<T>(
  invocation: Invocation,
  work: (backup: Backup, asConfigured: Config) => Promise<T>,
  { about = {}, env = process.env }: FunctionOptions,
  redaction: Redaction,
): Promise<T> {
  loaded ??= loadConfig(env.CORE_BACKUP_CONFIG ?? "core-backup.yml", { env });
  loaded.catch(() => {
    loaded = undefined;
  });
  const asConfigured = await loaded;
  const config = within(asConfigured, invocation.getRemainingTimeInMillis() - LAST_WORDS_MS);
  const fields = { requestId: invocation.awsRequestId, ...about };
  const backup = await openStep(config, { fields, redaction, env, kept, signal: new AbortController().signal });
  try {
    return await work(backup, asConfigured);
  } finally {
    await backup.close();
  }
}

export interface StepOptions {
  /** What stands on every line of the log. */
  readonly fields: LogFields;
  /** Learns the secrets, so that the caller can redact what is thrown. */
  readonly redaction: Redaction;
  readonly env: Env;
  readonly signal: AbortSignal;
  readonly kept?: KeptSecrets;
}

/** What a step in a process of its own works with: a log that CloudWatch reads, and no waiting for sources that put it off. */
export async function openStep(config: Config, { fields, redaction, env, signal, kept }: StepOptions): Promise<Backup> {
  await enterNetwork(config, { env, redaction, signal, kept });
  const now = () => new Date();
  // One JSON object a line, which CloudWatch Logs Insights takes apart by itself.
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const log = createLog({ format: "json", level: "info", redaction, now, write }).with(fields);
  const functionLog = (line: string) => write(redaction.redact(line));
  return open(config, {
    log,
    emit: () => {},
    redaction,
    now,
    waits: "elsewhere",
    signal,
    env,
    functionLog,
    keptSecrets: kept,
  });
}

function within(config: Config, limitMs: number): Config {
  return { ...config, jobs: config.jobs.map((job) => ({ ...job, timeoutMs: Math.min(job.timeoutMs, limitMs) })) };
}
