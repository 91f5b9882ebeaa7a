import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { RESERVED_PREFIX } from "../../lib/storage/key.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import type { StorageSubject } from "../contract/storage.ts";

/** An empty folder that is gone at the end of its block. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "core-backup-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A prepared storage on a folder of its own. */
export async function storeOnDisk(
  make: (basePath: string) => Storage,
): Promise<StorageSubject & { readonly basePath: string }> {
  const folder = await temporaryFolder();
  const basePath = join(folder.path, "store");
  const storage = make(basePath);
  await storage.prepare();
  return {
    storage,
    basePath,
    leftovers: () => temporaryFiles(basePath),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Files in the making and locks, at any depth. */
export async function temporaryFiles(basePath: string): Promise<string[]> {
  const found = await readdir(basePath, { recursive: true });
  return found.filter((path) => basename(path).startsWith(RESERVED_PREFIX));
}
