import { orRelease } from "./body.ts";
import type { Storage } from "./storage.ts";

/** The same storage, of which every method calls `check` first. What it throws is thrown. */
export function checkedStorage(inner: Storage, check: () => Promise<void>): Storage {
  return {
    async prepare(owned) {
      await check();
      await inner.prepare(owned);
    },
    async put(key, body, putOptions) {
      await orRelease(check(), body);
      return inner.put(key, body, putOptions);
    },
    async get(key) {
      await check();
      return inner.get(key);
    },
    async read(key, maxBytes) {
      await check();
      return inner.read(key, maxBytes);
    },
    async head(key) {
      await check();
      return inner.head(key);
    },
    async *list(prefix) {
      await check();
      yield* inner.list(prefix);
      // A share that went away while it was listed looks like one where nothing follows.
      await check();
    },
    async *folders(prefix, foldersOptions) {
      await check();
      yield* inner.folders(prefix, foldersOptions);
      await check();
    },
    async copy(from, to, options) {
      await check();
      return inner.copy(from, to, options);
    },
    async remove(keys) {
      await check();
      await inner.remove(keys);
    },
  };
}
