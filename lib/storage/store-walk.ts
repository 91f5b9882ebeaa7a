import type { Dirent } from "node:fs";
import { lstat, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StorageError, TransientError } from "../errors.ts";
import { isMootLock } from "./claim.ts";
import { errnoName, onFile } from "./file-error.ts";
import { byUtf16, RESERVED_PREFIX } from "./key.ts";
import type { StoredObject } from "./storage.ts";
import { isLockName, isOld, isTemporaryName, ownerIsGone, ownerIsThis } from "./temporary.ts";

/** What the system itself keeps at the top of a file system or of a network share. */
const NOT_OURS = new Set(["lost+found", ".snapshot", ".zfs"]);

interface Entry {
  readonly name: string;
  readonly folder: boolean;
}

/**
 * Every object below `folder` (empty, or ending in `/`) whose key begins with `prefix`, in key order. Holds the names of
 * one folder and of those above it. A folder that another process removes meanwhile held nothing more to list.
 */
export async function* walkObjects(base: string, folder: string, prefix: string): AsyncIterable<StoredObject> {
  const entries = (await entriesOf(base, folder)).sort((a, b) => byUtf16(sortKey(a), sortKey(b)));
  for (const entry of entries) {
    const key = folder + entry.name;
    if (entry.folder) {
      const below = `${key}/`;
      if (below.startsWith(prefix) || prefix.startsWith(below)) yield* walkObjects(base, below, prefix);
    } else if (key.startsWith(prefix)) {
      const bytes = await sizeOf(base, key);
      if (bytes !== undefined) yield { key, bytes };
    }
  }
}

/** The names of the folders directly in `folder` that hold an object at any depth, or of all, in order. */
export async function* walkFolders(base: string, folder: string, orEmpty: boolean): AsyncIterable<string> {
  const names = (await entriesOf(base, folder)).filter((entry) => entry.folder).map((entry) => entry.name);
  for (const name of names.sort(byUtf16)) {
    if (orEmpty || (await holdsObject(base, `${folder}${name}/`))) yield name;
  }
}

export interface Sweep {
  /** By the storage's clock. */
  readonly nowMs: number;
  /** Below this prefix also what living processes have in the making, but for this one. */
  readonly owned?: string | undefined;
}

/**
 * Removes what killed processes left in the making, and nothing else. What cannot be
 * read or removed is passed over: it is nobody's object. Answers the folders in which something was removed.
 */
export async function* sweepAbandoned(base: string, sweep: Sweep, folder = ""): AsyncIterable<string> {
  const entries = await readdir(join(base, folder), { withFileTypes: true }).catch(() => []);
  let removed = false;
  for (const entry of entries) {
    if (entry.isDirectory() && !isNotOurs(folder, entry.name))
      yield* sweepAbandoned(base, sweep, `${folder}${entry.name}/`);
    if (entry.isFile() && (await removeIfAbandoned(base, folder, entry.name, sweep))) removed = true;
  }
  if (removed) yield folder;
}

async function removeIfAbandoned(
  base: string,
  folder: string,
  name: string,
  { nowMs, owned }: Sweep,
): Promise<boolean> {
  if (!isTemporaryName(name) && !isLockName(name)) return false;
  const path = join(base, folder, name);
  const isOwned = owned !== undefined && folder.startsWith(owned) && !ownerIsThis(name);
  try {
    const isAbandoned =
      isOld((await lstat(path)).mtimeMs, nowMs) ||
      (isLockName(name)
        ? await isMootLock(join(base, folder), await readFile(path, "utf8"))
        : isOwned || ownerIsGone(name));
    if (isAbandoned) await unlink(path);
    return isAbandoned;
  } catch {
    return false;
  }
}

async function holdsObject(base: string, folder: string): Promise<boolean> {
  const entries = await entriesOf(base, folder);
  if (entries.some((entry) => !entry.folder)) return true;
  for (const { name } of entries) if (await holdsObject(base, `${folder}${name}/`)) return true;
  return false;
}

/** The objects and folders in `folder`: no symbolic links, devices or files in the making. */
async function entriesOf(base: string, folder: string): Promise<Entry[]> {
  const path = join(base, folder);
  let found: Dirent[];
  try {
    found = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errnoName(error) === "ENOTDIR") return [];
    if (errnoName(error) !== "ENOENT") return onFile(`listing ${folder}`, path, Promise.reject(error));
    if (await isGone(path)) return [];
    throw new TransientError("STORAGE_FAILED", `listing ${folder}: ${path} was gone and is there again`, {
      cause: error,
    });
  }
  const ours = found.filter((entry) => !entry.name.startsWith(RESERVED_PREFIX) && !isNotOurs(folder, entry.name));
  return ours
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({ name: decodable(path, entry.name), folder: entry.isDirectory() }));
}

/** Undefined for a file that another process removed since its folder was read. */
async function sizeOf(base: string, key: string): Promise<number | undefined> {
  const path = join(base, key);
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (errnoName(error) === "ENOENT" || errnoName(error) === "ENOTDIR") return undefined;
    return onFile(`listing ${key}`, path, Promise.reject(error));
  }
}

async function isGone(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return errnoName(error) === "ENOENT" || errnoName(error) === "ENOTDIR";
  }
}

/** A folder's objects come where its name with the slash belongs: `a-b`, `a.b`, `a/b`, `a0`. */
const sortKey = (entry: Entry): string => (entry.folder ? `${entry.name}/` : entry.name);

const isNotOurs = (folder: string, name: string): boolean => folder === "" && NOT_OURS.has(name);

/** Node gives U+FFFD for bytes that are not UTF-8: no key can reach such a file, and leaving it out would be partial. */
function decodable(path: string, name: string): string {
  if (!name.includes("\uFFFD")) return name;
  throw new StorageError(
    "STORAGE_FAILED",
    `${path} holds a name that is not UTF-8, which no backup wrote: ${JSON.stringify(name)}`,
  );
}
