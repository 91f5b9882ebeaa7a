import type { Config, Job } from "./config/schema.ts";
import type { Connector, ConnectorKind } from "./connectors/connector.ts";
import type { Decryption, Encryption, EncryptionType } from "./encryption/encryption.ts";
import type { Log } from "./log.ts";
import type { MetricsTarget } from "./metrics/metrics.ts";
import type { Notifier } from "./notifiers/notifier.ts";
import type { RunEvent } from "./progress.ts";
import type { Redaction } from "./secrets/redaction.ts";
import type { SecretResolver } from "./secrets/secrets.ts";
import type { Storage } from "./storage/storage.ts";

/** Everything that a step needs, made once by `open` and passed on as it is. Steps take nothing from anywhere else. */
export interface Backup {
  readonly config: Config;
  /** The connector of a job, made at the first call. @throws ConfigError */
  connector(job: Job): Promise<Connector>;
  /** The kind of a service, for restoring what it stored without the source. @throws NotFoundError for a service this version does not know */
  kind(service: string): ConnectorKind;
  /** The storage of a job, made at the first call, retries included. @throws ConfigError */
  storage(job: Job): Promise<Storage>;
  /**
   * Where the plan of a job, and the parts of a verification, are copied to, because the state machine that runs it cannot read them in its storage;
   * undefined everywhere else. @throws ConfigError
   */
  planCopies?(job: Job): Promise<Storage | undefined>;
  /** Where this machine keeps what a storage that cannot be reached cannot keep; undefined for one that keeps nothing. Nobody prepares it. */
  readonly machine?: Storage | undefined;
  /**
   * Where a watch, and whoever tells of runs, keeps what it told of a job whose storage cannot be asked: `machine`, or for a function the bucket of its stack, which nobody
   * prepares either; undefined where there is no such place. @throws ConfigError
   */
  watchMemory?(job: Job): Promise<Storage | undefined>;
  /** What a job's artifacts are encrypted with, made at the first call; undefined where they are not. @throws ConfigError */
  encryption(job: Job): Promise<Encryption | undefined>;
  /** The private side for artifacts of this type, made at the first call; undefined where none is at hand. @throws ConfigError */
  decryption(job: Job, type: EncryptionType): Promise<Decryption | undefined>;
  readonly secrets: SecretResolver;
  /** A notifier by its name, made at the first call, and again after one that failed. @throws ConfigError | TransientError */
  notifier(name: string): Promise<Notifier>;
  /** Where metrics go; none where the configuration has no `metrics`. */
  readonly metricsTargets: readonly MetricsTarget[];
  readonly log: Log;
  /** Hears what happens while a run goes on. It must not throw. */
  readonly emit: (event: RunEvent) => void;
  readonly redaction: Redaction;
  readonly now: () => Date;
  /** Where a unit waits that its source put off for more than a minute: in this process, or outside of it. */
  readonly waits: "here" | "elsewhere";
  /** Aborted with an `InterruptedError` as reason when the process is told to stop. */
  readonly signal: AbortSignal;
  /** Releases what connectors and encryption hold. Every entry point calls it last. */
  close(): Promise<void>;
}
