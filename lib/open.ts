import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Backup } from "./backup.ts";
import type { Config, Job } from "./config/schema.ts";
import { storageSchema } from "./config/storage-options.ts";
import { connectors } from "./connectors/all.ts";
import type { Connector, ConnectorKind } from "./connectors/connector.ts";
import { listingDeferral } from "./deferral.ts";
import {
  BUCKET_VARIABLE,
  isInStackBucket,
  isReadByMachines,
  PLAN_COPIES_PREFIX,
  watchMemoryPrefix,
} from "./deployment/stack.ts";
import { type EncryptionOptions, openDecryption, openEncryption } from "./encryption/all.ts";
import type { Decryption, Encryption, PrivateKeys } from "./encryption/encryption.ts";
import { openVeil } from "./encryption/veil/open-veil.ts";
import { ConfigError, NotFoundError } from "./errors.ts";
import type { Log } from "./log.ts";
import { metricsTargets } from "./metrics/all.ts";
import { openNotifier } from "./notifiers/all.ts";
import type { Notifier } from "./notifiers/notifier.ts";
import type { RunEvent } from "./progress.ts";
import type { Redaction } from "./secrets/redaction.ts";
import { createSecretResolver } from "./secrets/resolver.ts";
import type { KeptSecrets } from "./secrets/secrets.ts";
import { openStorage } from "./storage/all.ts";
import { filesystemStorage } from "./storage/filesystem.ts";
import type { Storage } from "./storage/storage.ts";

export interface OpenOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly emit: (event: RunEvent) => void;
  readonly redaction: Redaction;
  readonly now: () => Date;
  readonly waits: Backup["waits"];
  readonly signal: AbortSignal;
  /** Private keys given by hand, which stand in for those that the configuration refers to. */
  readonly privateKeys?: PrivateKeys | undefined;
  /** Takes a line for the log of the function that this is. */
  readonly functionLog?: (line: string) => void;
  readonly keptSecrets?: KeptSecrets | undefined;
  /** A folder of this machine, made when there is something to keep. */
  readonly stateFolder?: string | undefined;
}

const LAST_WORDS_MS = 10_000;

/** Makes of a checked configuration what the steps need. Connects to nothing yet: that begins with the first call. */
export function open(config: Config, options: OpenOptions): Backup {
  const { log, emit, redaction, now, waits, signal } = options;
  const secrets = createSecretResolver({
    env: options.env,
    vault: config.secrets?.vault,
    redaction,
    signal,
    kept: options.keptSecrets,
  });
  const opened = new Map<string, Promise<Connector>>();
  const storages = new Map<string, Promise<Storage>>();
  const veiled = new Map<string, Promise<Storage>>();
  const encryptions = new Map<string, Promise<Encryption>>();
  const decryptions = new Map<string, Promise<Decryption | undefined>>();
  const notifiers = new Map<string, Promise<Notifier>>();
  const machine = options.stateFolder === undefined ? undefined : madeAtFirstPut(options.stateFolder);
  const ofStack = (prefix: string): Promise<Storage> =>
    once(storages, prefix, () => {
      const place = storageSchema.parse({ type: "s3", bucket_env: BUCKET_VARIABLE, prefix });
      return openStorage("of the stack", place, { ...options, secrets, signal });
    });
  const encryptionOf = (job: Job, encryption: EncryptionOptions): Promise<Encryption> =>
    once(encryptions, job.name, () => openEncryption(encryption, { secrets, signal }));

  return {
    config,
    secrets,
    log,
    emit,
    redaction,
    now,
    waits,
    signal,
    connector: (job) =>
      once(opened, job.name, () =>
        kindOf(job.service).create(job.options, {
          ...{ secrets, redaction, now, avoid: ownFolders(config) },
          collectsElsewhere: waits === "elsewhere" && job.compute === "fargate",
          defer: listingDeferral(options, job.name),
        }),
      ),
    kind: kindOf,
    storage: (job) =>
      once(veiled, `${job.target_storage}\0${job.name}`, async () => {
        const storage = await once(storages, job.target_storage, () =>
          openStorage(...storageOf(config, job), { ...options, secrets, signal: lastWords(signal) }),
        );
        const { encryption } = job;
        if (encryption === undefined) return storage;
        return openVeil(storage, encryption, () => encryptionOf(job, encryption), { secrets, signal });
      }),
    planCopies: async (job) => {
      if (waits === "here" || isReadByMachines(storageOf(config, job)[1], options.env.AWS_REGION)) return undefined;
      return ofStack(PLAN_COPIES_PREFIX);
    },
    machine,
    watchMemory: async (job) => {
      const stack = options.env.STACK;
      if (waits === "here" || stack === undefined) return machine;
      return isInStackBucket(storageOf(config, job)[1]) ? undefined : ofStack(watchMemoryPrefix(stack));
    },
    encryption: async (job) => job.encryption && encryptionOf(job, job.encryption),
    decryption: (job, type) =>
      once(decryptions, `${type} ${job.name}`, () =>
        openDecryption(type, job.encryption, options.privateKeys, { secrets, signal }),
      ),
    async notifier(name) {
      const options = Object.hasOwn(config.notifications, name) ? config.notifications[name] : undefined;
      if (options === undefined) throw new ConfigError(`no notifier is called ${name}`);
      const opened = once(notifiers, name, () => openNotifier(options, { secrets, redaction }));
      opened.catch(() => notifiers.delete(name));
      return opened;
    },
    metricsTargets: metricsTargets(config.metrics ?? {}, {
      ...{ secrets, redaction, now, env: options.env, functionLog: options.functionLog },
      hostname: hostname(),
    }),
    async close() {
      // What could not be opened holds nothing.
      for (const opening of [...encryptions.values(), ...decryptions.values()]) {
        await (await opening.catch(() => undefined))?.close();
      }
      for (const opening of opened.values()) await (await opening.catch(() => undefined))?.cleanup();
    },
  };
}

/** What a stopped run writes last tells how it ended, so the storage stops a while later than the rest. */
function lastWords(signal: AbortSignal): AbortSignal {
  const later = new AbortController();
  const stop = () => setTimeout(() => later.abort(signal.reason), LAST_WORDS_MS).unref();
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return later.signal;
}

function madeAtFirstPut(basePath: string): Storage {
  const storage = filesystemStorage({ basePath });
  return {
    ...storage,
    async put(...object) {
      await storage.prepare();
      return storage.put(...object);
    },
  };
}

function ownFolders(config: Config): readonly string[] {
  return Object.values(config.storage).flatMap((storage) =>
    storage.type === "s3" ? [] : [resolve(storage.base_path)],
  );
}

function kindOf(service: string): ConnectorKind {
  const kind = Object.hasOwn(connectors, service) ? connectors[service] : undefined;
  if (kind === undefined) throw new NotFoundError(`this version knows no service ${service}`);
  return kind;
}

function storageOf(config: Config, job: Job) {
  const options = Object.hasOwn(config.storage, job.target_storage) ? config.storage[job.target_storage] : undefined;
  if (options === undefined) throw new ConfigError(`no storage is called ${job.target_storage}`);
  return [job.target_storage, options] as const;
}

function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const before = made.get(name);
  if (before !== undefined) return before;
  const promise = make();
  made.set(name, promise);
  return promise;
}
