import { RefusedError } from "../errors.ts";
import { release } from "./body.ts";
import type { Storage } from "./storage.ts";

/**
 * The same storage for looking only, as a dry run does. What would change it throws a `RefusedError`. `prepare` does
 * nothing, since a storage can only be shown to be writable by writing to it; whether it can be read shows at the first list.
 */
export function readOnlyStorage(inner: Storage): Storage {
  return {
    async prepare() {},
    async put(key, body) {
      await release(body);
      throw refused(`store ${key}`);
    },
    get: (key) => inner.get(key),
    read: (key, maxBytes) => inner.read(key, maxBytes),
    head: (key) => inner.head(key),
    list: (prefix) => inner.list(prefix),
    folders: (prefix, options) => inner.folders(prefix, options),
    async copy(from, to) {
      throw refused(`copy ${from} to ${to}`);
    },
    async remove(keys) {
      throw refused(`remove ${keys.join(", ")}`);
    },
  };
}

const refused = (what: string): RefusedError => new RefusedError(`this run only looks: it may not ${what}`);
