import type { Backup } from "./backup.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { createLog, type LogFields } from "./log.ts";
import { open } from "./open.ts";
import { createRedaction } from "./secrets/redaction.ts";

/** What a function is told of its invocation; the part of Lambda's context that is used. */
export interface Invocation {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** What is left for a last record and its answer when a unit's time is up. */
const LAST_WORDS_MS = 20_000;

let loaded: Promise<Config> | undefined;

/**
 * One step in a function. The configuration that travels in the package is read once for as long as the function stays
 * warm; what it opens lives for one invocation. No unit may take longer than what is left of the function's time, which
 * `asConfigured` does not know of.
 * @throws what `work` throws, by whose name the state machine routes
 */
export async function withFunctionBackup<T>(
  invocation: Invocation,
  work: (backup: Backup, asConfigured: Config) => Promise<T>,
  env: Env = process.env,
): Promise<T> {
  loaded ??= loadConfig(env.CORE_BACKUP_CONFIG ?? "core-backup.yml", { env });
  loaded.catch(() => {
    loaded = undefined;
  });
  const asConfigured = await loaded;
  const config = within(asConfigured, invocation.getRemainingTimeInMillis() - LAST_WORDS_MS);
  const backup = openStep(config, { requestId: invocation.awsRequestId }, new AbortController().signal, env);
  try {
    return await work(backup, asConfigured);
  } finally {
    await backup.close();
  }
}

/** What a step in a process of its own works with: a log that CloudWatch reads, and no waiting for sources that put it off. */
export function openStep(config: Config, fields: LogFields, signal: AbortSignal, env: Env): Backup {
  const redaction = createRedaction();
  const now = () => new Date();
  // One JSON object a line, which CloudWatch Logs Insights takes apart by itself.
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const log = createLog({ format: "json", level: "info", redaction, now, write }).with(fields);
  const functionLog = (line: string) => write(redaction.redact(line));
  return open(config, { log, emit: () => {}, redaction, now, waits: "elsewhere", signal, env, functionLog });
}

function within(config: Config, limitMs: number): Config {
  return { ...config, jobs: config.jobs.map((job) => ({ ...job, timeoutMs: Math.min(job.timeoutMs, limitMs) })) };
}
