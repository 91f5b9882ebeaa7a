import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";

/**
 * From its import on, whoever waits by `node:timers/promises` waits for one turn of the event loop: back-offs of minutes,
 * thousands of times over, would be days. What is waited for by other means (a unit's timeout) is as it was.
 */
const turn = <T>(_ms?: number, value?: T, options?: { signal?: AbortSignal }): Promise<T> =>
  new Promise((resolve, reject) => {
    setImmediate(() => {
      if (options?.signal?.aborted === true) reject(options.signal.reason);
      else resolve(value as T);
    });
  });

Object.assign(timers, { setTimeout: turn });
syncBuiltinESMExports();
