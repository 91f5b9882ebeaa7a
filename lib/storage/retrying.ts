import type { Bytes } from "../bytes.ts";
import { TransientError } from "../errors.ts";
import { backOff, type RetryOptions, retry } from "../retry.ts";
import { release } from "./body.ts";
import type { Storage, StoredObject } from "./storage.ts";

/**
 * The same storage, trying again what failed with a `TransientError`.
 * - `put` is tried again only while nothing of its body was read: a body can be read once. The unit is then
 *   collected again, by whoever can open its source anew.
 * - `get` is tried again until its first byte is there. A body that breaks later stays broken.
 * - `list` and `folders` go on after the last name they gave.
 * - `copy` and `remove` may have taken effect although they failed; doing them twice does no harm, and a copy
 *   that finds its own earlier one is told that it exists.
 */
export function retryingStorage(inner: Storage, options: RetryOptions): Storage {
  return {
    prepare: (owned) => retry(() => inner.prepare(owned), options),
    put: (key, body, putOptions) => putRetrying(body, options, (unread) => inner.put(key, unread, putOptions)),
    async get(key) {
      const opened = await retry(() => inner.get(key), options);
      return firstPieceRetrying(opened, () => inner.get(key), options);
    },
    read: (key, maxBytes) => retry(() => inner.read(key, maxBytes), options),
    head: (key) => retry(() => inner.head(key), options),
    list: (prefix) =>
      continuing<StoredObject>(
        () => inner.list(prefix),
        (object) => object.key,
        options,
      ),
    folders: (prefix, foldersOptions) =>
      continuing<string>(
        () => inner.folders(prefix, foldersOptions),
        (name) => name,
        options,
      ),
    copy: (from, to, copyOptions) => retry(() => inner.copy(from, to, copyOptions), options),
    remove: (keys) => retry(() => inner.remove(keys), options),
  };
}

async function putRetrying<T>(body: Bytes, options: RetryOptions, put: (body: Bytes) => Promise<T>): Promise<T> {
  let begun = false;
  const unread: Bytes = {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]();
      return {
        next() {
          begun = true;
          return iterator.next();
        },
        // A body of which nothing was read is kept for the next attempt.
        return: async () => (begun ? ((await iterator.return?.()) ?? ended) : ended),
      };
    },
  };
  try {
    const result = await retry(async () => {
      try {
        return { stored: await put(unread) };
      } catch (error) {
        if (begun) return { error };
        throw error;
      }
    }, options);
    if ("error" in result) throw result.error;
    return result.stored;
  } finally {
    if (!begun) await release(body);
  }
}

const ended: IteratorResult<Uint8Array> = { done: true, value: undefined };

async function* firstPieceRetrying(opened: Bytes, again: () => Promise<Bytes>, options: RetryOptions): Bytes {
  let unused: Bytes | undefined = opened;
  const [iterator, first] = await retry(async () => {
    const source = unused ?? (await again());
    unused = undefined;
    const pieces = source[Symbol.asyncIterator]();
    return [pieces, await pieces.next()] as const;
  }, options);
  if (first.done === true) return;
  // From here on as `yield*` would, with the first piece taken already.
  try {
    yield first.value;
    for (let piece = await iterator.next(); piece.done !== true; piece = await iterator.next()) yield piece.value;
  } finally {
    await iterator.return?.();
  }
}

/** Lists anew after a failure and passes over what was given; an attempt that got further counts as the first again. */
async function* continuing<T>(
  list: () => AsyncIterable<T>,
  name: (entry: T) => string,
  options: RetryOptions,
): AsyncIterable<T> {
  let last: string | undefined;
  for (let attempt = 1; ; attempt += 1) {
    options.signal.throwIfAborted();
    try {
      for await (const entry of list()) {
        if (last !== undefined && name(entry) <= last) continue;
        last = name(entry);
        attempt = 1;
        yield entry;
      }
      return;
    } catch (error) {
      if (!(error instanceof TransientError) || options.unless?.(error) === true) throw error;
      if (attempt >= options.attempts) throw error;
      await backOff(attempt, error, options);
    }
  }
}
