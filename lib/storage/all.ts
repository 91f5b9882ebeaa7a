import type { StorageOptions } from "../config/storage-options.ts";
import type { Log } from "../log.ts";
import { filesystemStorage } from "./filesystem.ts";
import { nfsStorage } from "./nfs.ts";
import { retryingStorage } from "./retrying.ts";
import type { Storage } from "./storage.ts";

export interface StorageContext {
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** About a minute of waiting in all: a file server that restarts is back by then. */
const ATTEMPTS = 7;
const BASE_MS = 1_000;
const MAX_MS = 30_000;

/** The storage that the configuration calls `name`, retries included. Nothing is touched before `prepare`. */
export function openStorage(name: string, options: StorageOptions, { log, signal }: StorageContext): Storage {
  return retryingStorage(open(options), {
    attempts: ATTEMPTS,
    baseMs: BASE_MS,
    maxMs: MAX_MS,
    signal,
    onRetry: ({ attempt, waitMs, error }) =>
      log.warn("the storage failed and is tried again", { storage: name, attempt, waitMs, error: error.message }),
  });
}

function open(options: StorageOptions): Storage {
  switch (options.type) {
    case "filesystem":
      return filesystemStorage({ basePath: options.base_path });
    case "nfs":
      return nfsStorage({ basePath: options.base_path, requireMount: options.require_mount });
  }
}
