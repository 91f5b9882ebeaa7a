import { realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { SourceError } from "../errors.ts";

/**
 * Which of the storages' folders lie below `path`, relative to it. One that does not exist yet does not matter.
 * @throws SourceError when `path` is a storage or lies in one
 */
export async function storesBelow(path: string, storages: readonly string[]): Promise<readonly string[]> {
  const root = await real(path);
  const below: string[] = [];
  for (const storage of storages) {
    const store = await real(storage);
    if (root === store || root.startsWith(store + sep)) {
      throw new SourceError(
        "SOURCE_FORBIDDEN",
        `${path} lies in ${storage}, a storage of this configuration; back up what is outside of it`,
      );
    }
    if (store.startsWith(root === sep ? sep : root + sep)) below.push(relative(root, store));
  }
  return below;
}

/** However it is spelt, and through whatever links. */
async function real(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
