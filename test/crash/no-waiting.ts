import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";

/**
 * From its import on, whoever waits by `node:timers/promises` waits for one turn of the event loop: back-offs of minutes,
 * thousands of times over, would be days. What is waited for by other means (a unit's timeout) is as it was. And nobody waits for a disk:
 * whoever is killed leaves what the system has taken, synced or not, and syncing took longer than all else together.
 */
const turn = <T>(_ms?: number, value?: T, options?: { signal?: AbortSignal }): Promise<T> =>
  new Promise((resolve, reject) => {
    setImmediate(() => {
      if (options?.signal?.aborted === true) reject(options.signal.reason);
      else resolve(value as T);
    });
  });

const { open } = fs;
const unsynced = { sync: async () => {}, datasync: async () => {} };

Object.assign(timers, { setTimeout: turn });
Object.assign(fs, {
  open: async (...args: Parameters<typeof open>): Promise<FileHandle> => Object.assign(await open(...args), unsynced),
});
syncBuiltinESMExports();
