import type { Sample } from "../measures/metric-families.ts";
import type { JobSamples } from "../measures/prometheus-text.ts";
import type { RunTrace } from "../measures/run-trace.ts";
import type { Redaction } from "../secrets/redaction.ts";
import type { SecretResolver } from "../secrets/secrets.ts";

/**
 * Where metrics go. Throws `TransientError` `METRICS_UNREACHABLE` for what is tried again, `MetricsError` for what is not,
 * and `ConfigError` `SECRET_MISSING`; no message holds a secret.
 */
export interface MetricsOutput {
  /**
   * Gives away what is known of some jobs, in place of what it gave of them before, and takes away what it gave of jobs that
   * the configuration does not have any more. Called when runs begin, which shows whether it can be reached, and when
   * they ended. Ends with the signal, which is aborted when its time is over.
   */
  publish(published: Published, signal: AbortSignal): Promise<void>;
}

export interface Published {
  readonly jobs: readonly PublishedJob[];
  /** The names of all jobs of the configuration, as it was read and as its file is now; undefined where that cannot be read, and nothing is taken away. */
  readonly configured: readonly string[] | undefined;
  /** The configuration's absolute path: what was given away by another one is not ours to take away. */
  readonly configFile: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PublishedJob extends JobSamples {
  /** By how much the run that ended raised the counters; none when it begins. */
  readonly increments: readonly Sample[];
  /** Absent when the run begins. */
  readonly trace?: RunTrace;
}

/** What an output is given when it is made. */
export interface MetricsContext {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
  /** What this machine is called. */
  readonly hostname: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  /** Takes a line for the log of a function on AWS; absent where there is none. */
  readonly functionLog: ((line: string) => void) | undefined;
}

/** An output of the configuration. */
export interface MetricsTarget {
  readonly name: string;
  /** Half of it for the begin of a run, half for its end. */
  readonly timeoutMs: number;
  /** Made at the first call, and again after one that failed. @throws ConfigError | TransientError */
  open(): Promise<MetricsOutput>;
}
