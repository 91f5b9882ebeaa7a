import type { Backup } from "./backup.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { createLog } from "./log.ts";
import { open } from "./open.ts";
import { createRedaction } from "./secrets/redaction.ts";

/** What a function is told of its invocation; the part of Lambda's context that is used. */
export interface Invocation {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** What is left for a last record and its answer when a unit's time is up. */
const LAST_WORDS_MS = 20_000;

let loaded: Promise<Config> | undefined;

/**
 * One step in a function. The configuration that travels in the package is read once for as long as the function stays
 * warm; what it opens lives for one invocation. No unit may take longer than what is left of the function's time.
 * @throws what `work` throws, by whose name the state machine routes
 */
export async function withFunctionBackup<T>(
  invocation: Invocation,
  work: (backup: Backup) => Promise<T>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<T> {
  const redaction = createRedaction();
  const now = () => new Date();
  // One JSON object a line, which CloudWatch Logs Insights takes apart by itself.
  const log = createLog({
    format: "json",
    level: "info",
    redaction,
    now,
    write: (line) => process.stdout.write(`${line}\n`),
  });
  loaded ??= loadConfig(env.CORE_BACKUP_CONFIG ?? "core-backup.yml", { env });
  loaded.catch(() => {
    loaded = undefined;
  });
  const config = within(await loaded, invocation.getRemainingTimeInMillis() - LAST_WORDS_MS);
  const backup = open(config, {
    log: log.with({ requestId: invocation.awsRequestId }),
    emit: () => {},
    redaction,
    now,
    waits: "elsewhere",
    signal: new AbortController().signal,
    env,
  });
  try {
    return await work(backup);
  } finally {
    await backup.close();
  }
}

function within(config: Config, limitMs: number): Config {
  return { ...config, jobs: config.jobs.map((job) => ({ ...job, timeoutMs: Math.min(job.timeoutMs, limitMs) })) };
}
