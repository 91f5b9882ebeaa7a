import type { Backup } from "../../lib/backup.ts";
import type { Config, Job } from "../../lib/config/schema.ts";
import type { Decryption, Encryption } from "../../lib/encryption/encryption.ts";
import { ConfigError } from "../../lib/errors.ts";
import type { HeldLease } from "../../lib/lease/lease.ts";
import type { LeasedBackup } from "../../lib/lease/under-lease.ts";
import { createLog } from "../../lib/log.ts";
import type { MetricsTarget } from "../../lib/metrics/metrics.ts";
import type { Notifier } from "../../lib/notifiers/notifier.ts";
import type { RunEvent } from "../../lib/progress.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { type ScriptedUnit, scriptedConnector } from "./scripted-connector.ts";

export const aJob = (changes: Partial<Job> = {}): Job => ({
  name: "docs",
  service: "scripted",
  timezone: "UTC",
  retention: { min_keep: 1, max_removals: 10 },
  target_storage: "store",
  options: {},
  compression: { type: "zstd", level: 3 },
  concurrency: 2,
  compute: "auto",
  timeoutMs: 60_000,
  resumeWithinMs: 12 * 3_600_000,
  verify: { checksum: 0.1, prove: true },
  fatal: false,
  ...changes,
});

export interface BackupChanges {
  readonly jobs?: readonly Job[];
  readonly storage?: Storage;
  readonly units?: () => readonly ScriptedUnit[];
  readonly signal?: AbortSignal;
  readonly maxJobs?: number;
  readonly notifications?: Config["notifications"];
  /** Who is told, by the names in `notifications`. */
  readonly notifiers?: Readonly<Record<string, Notifier>>;
  readonly metrics?: Config["metrics"];
  readonly metricsTargets?: readonly MetricsTarget[];
  readonly waits?: Backup["waits"];
  /** Asked at each call, so that a test can change them between runs. */
  readonly encryption?: () => Encryption | undefined;
  readonly decryption?: () => Decryption | undefined;
}

/** For calling one step alone. `runJobs` takes a real one. */
const alwaysHeld: HeldLease = {
  token: "always",
  signal: new AbortController().signal,
  check: async () => {},
  confirm: async () => {},
  describe: async () => {},
  keepUntil: async () => {},
  release: async () => {},
  leave: async () => {},
};

/** A whole backup over memory, with a clock that the test turns and a log and events to look at. */
export function aBackup(changes: BackupChanges = {}) {
  const storage = changes.storage ?? memoryStorage();
  const source = scriptedConnector(changes.units ?? (() => [{ id: "a", items: { "a.json": "content of a" } }]));
  const clock = { time: new Date("2026-11-22T03:00:00Z") };
  const lines: string[] = [];
  const events: RunEvent[] = [];
  const redaction = createRedaction();
  const now = () => clock.time;
  const config: Config = {
    file: "test.yml",
    jobs: changes.jobs ?? [aJob()],
    storage: {},
    notifications: changes.notifications ?? {},
    ...(changes.metrics === undefined ? {} : { metrics: changes.metrics }),
    max_jobs: changes.maxJobs ?? 1,
  };
  const backup: LeasedBackup = {
    lease: alwaysHeld,
    config,
    connector: async () => source.connector,
    kind: () => source.kind,
    storage: async () => storage,
    notifier: async (name) => {
      const notifier = changes.notifiers?.[name];
      if (notifier === undefined) throw new ConfigError(`no notifier is called ${name}`);
      return notifier;
    },
    metricsTargets: changes.metricsTargets ?? [],
    secrets: { resolve: () => Promise.reject(new Error("no secret was configured")) },
    encryption: async () => changes.encryption?.(),
    decryption: async () => changes.decryption?.(),
    log: createLog({ format: "text", level: "debug", redaction, now, write: (line) => lines.push(line) }),
    emit: (event) => events.push(event),
    redaction,
    now,
    waits: changes.waits ?? "here",
    signal: changes.signal ?? new AbortController().signal,
    close: () => source.connector.cleanup(),
  };
  const later = (seconds: number) => {
    clock.time = new Date(clock.time.getTime() + seconds * 1000);
  };
  return { backup, storage, source, lines, events, later, clock };
}

/** Every key of a storage with its bytes as text. */
export async function contentsOf(storage: Storage): Promise<ReadonlyMap<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for await (const { key } of storage.list("")) {
    const pieces: Uint8Array[] = [];
    for await (const piece of await storage.get(key)) pieces.push(piece);
    contents.set(key, Buffer.concat(pieces));
  }
  return contents;
}
