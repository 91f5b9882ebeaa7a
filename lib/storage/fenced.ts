import { checkedAtEnd } from "../bytes.ts";
import { LeaseLostError } from "../errors.ts";
import { orRelease } from "./body.ts";
import type { Storage } from "./storage.ts";

/**
 * The same storage for whoever may only write while something holds, as a lease. `check` is called before every
 * change, and again after the last byte of a body, which may have taken hours, and before the last step of a copy: what it
 * throws is thrown, and nothing is stored. A storage that makes several objects of one body asks again for each.
 */
export function fencedStorage(inner: Storage, check: () => Promise<void>): Storage {
  return {
    async prepare(owned) {
      await check();
      try {
        await inner.prepare(owned);
      } catch (error) {
        // Who has taken over has swept what this was trying with: that says nothing of the storage.
        await check().catch((reason: unknown) => {
          throw reason instanceof LeaseLostError ? reason : error;
        });
        throw error;
      }
    },
    async put(key, body, options) {
      await orRelease(check(), body);
      return inner.put(key, checkedAtEnd(body, check), { ...options, check });
    },
    get: (key) => inner.get(key),
    read: (key, maxBytes) => inner.read(key, maxBytes),
    head: (key) => inner.head(key),
    list: (prefix) => inner.list(prefix),
    folders: (prefix, options) => inner.folders(prefix, options),
    async copy(from, to, options) {
      await check();
      const beforeLast = async () => {
        await options?.beforeLast?.();
        await check();
      };
      return inner.copy(from, to, { ...options, beforeLast });
    },
    async remove(keys) {
      await check();
      await inner.remove(keys);
    },
  };
}
