import type { StorageOptions } from "../config/storage-options.ts";
import type { Log } from "../log.ts";
import { type RetryOptions, wasGivenUp } from "../retry.ts";
import type { Redaction } from "../secrets/redaction.ts";
import type { SecretResolver } from "../secrets/secrets.ts";
import { answerCheck } from "./answers.ts";
import { checkedStorage } from "./checked.ts";
import { filesystemStorage } from "./filesystem.ts";
import { nfsStorage } from "./nfs.ts";
import { retryingStorage } from "./retrying.ts";
import type { Storage } from "./storage.ts";

export interface StorageContext {
  readonly secrets: SecretResolver;
  readonly redaction: Redaction;
  readonly log: Log;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** About a minute of waiting in all: a server that restarts is back by then. */
const ATTEMPTS = 7;
const BASE_MS = 1_000;
const MAX_MS = 30_000;

/**
 * The storage that the configuration calls `name`, retries included. Resolves the secrets that it needs; nothing is touched
 * before `prepare`. @throws ConfigError
 */
export async function openStorage(name: string, options: StorageOptions, context: StorageContext): Promise<Storage> {
  const { log, signal } = context;
  const retry: RetryOptions = {
    attempts: ATTEMPTS,
    baseMs: BASE_MS,
    maxMs: MAX_MS,
    signal,
    onRetry: ({ attempt, waitMs, error }) =>
      log.warn("the storage failed and is tried again", { storage: name, attempt, waitMs, error: error.message }),
  };
  switch (options.type) {
    case "filesystem":
      return answering(filesystemStorage({ basePath: options.base_path }), options.base_path, retry);
    case "nfs": {
      const share = nfsStorage({ basePath: options.base_path, requireMount: options.require_mount });
      return answering(share, options.base_path, retry);
    }
    case "s3": {
      // Only when it is used: the AWS SDK takes longer to load than all the rest.
      const { openS3Storage } = await import("./s3/open.ts");
      return openS3Storage(name, options, { ...context, retry });
    }
  }
}

/** A share can be given to either type. */
const answering = (storage: Storage, base: string, retry: RetryOptions): Storage =>
  retryingStorage(checkedStorage(storage, answerCheck(base, { signal: retry.signal })), {
    ...retry,
    unless: wasGivenUp,
  });
