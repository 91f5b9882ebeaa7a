import { lstat, mkdir, open, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError } from "../errors.ts";
import { errnoName, onFile } from "./file-error.ts";
import { describeFreeSpace, freeSpace } from "./free-space.ts";
import { type StoreFolders, syncFolder } from "./store-folders.ts";
import { sweepAbandoned } from "./store-walk.ts";
import { temporaryName } from "./temporary.ts";

/** Less than this and no backup worth the name can end well. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;
const LEAST_FREE_INODES = 1_000;

/**
 * Makes the base folder if need be, tries to write there, checks what is free, and clears away what killed processes
 * left; below `owned` what any other process has in the making.
 */
export async function prepareBase(base: string, folders: StoreFolders, owned: string | undefined): Promise<void> {
  await makeBase(base);
  // First, for what a killed process left may be all that fills the disk.
  const nowMs = await storageClock(base);
  for await (const folder of sweepAbandoned(base, { nowMs, owned }))
    await folders.removeEmpty(folder.replace(/\/$/, ""));
  await writeProbe(base);
  await checkFreeSpace(base);
}

async function makeBase(base: string): Promise<void> {
  const doing = "preparing the storage";
  const found = await stat(base).catch((error: unknown) => {
    if (errnoName(error) === "ENOENT") return undefined;
    return onFile(doing, base, Promise.reject(error));
  });
  if (found === undefined) {
    await refuseDangling(doing, base);
    await makeBase(dirname(base));
    try {
      await mkdir(base, { mode: 0o700 });
    } catch (error) {
      if (errnoName(error) !== "EEXIST") await onFile(doing, base, Promise.reject(error));
    }
    await onFile(doing, dirname(base), syncFolder(dirname(base)));
  } else if (!found.isDirectory()) {
    throw new StorageError("STORAGE_FAILED", `${doing}: ${base} is not a folder`);
  }
}

/** A link to an unmounted or removed place: making a folder there is not ours to decide. */
async function refuseDangling(doing: string, path: string): Promise<void> {
  const isLink = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (isLink)
    throw new StorageError("STORAGE_FAILED", `${doing}: ${path} is a symbolic link to a place that is not there`);
}

/** The time by the storage's own clock, which may be another machine's. 0, before every file, when there is no room to ask. */
async function storageClock(base: string): Promise<number> {
  const path = join(base, temporaryName());
  try {
    await (await open(path, "wx", 0o600)).close();
    const { mtimeMs } = await lstat(path);
    await unlink(path);
    return mtimeMs;
  } catch {
    // Why a file cannot be made is told by the probe that follows.
    return 0;
  }
}

async function writeProbe(base: string): Promise<void> {
  const path = join(base, temporaryName());
  const doing = "trying to write to the storage";
  const probe = await onFile(doing, path, open(path, "wx", 0o600));
  try {
    await onFile(doing, path, probe.writeFile("core-backup\n"));
    await onFile(doing, path, probe.sync());
  } finally {
    await probe.close();
    await onFile(doing, path, unlink(path));
  }
}

async function checkFreeSpace(base: string): Promise<void> {
  const free = await onFile("preparing the storage", base, freeSpace(base));
  if (free.bytes >= LEAST_FREE_BYTES && (free.inodes ?? LEAST_FREE_INODES) >= LEAST_FREE_INODES) return;
  const least = describeFreeSpace({
    bytes: LEAST_FREE_BYTES,
    inodes: free.inodes === undefined ? undefined : LEAST_FREE_INODES,
  });
  throw new StorageError("STORAGE_FULL", `${base} has ${describeFreeSpace(free)}; a backup needs at least ${least}`);
}
