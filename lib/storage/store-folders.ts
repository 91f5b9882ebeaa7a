import { lstat, mkdir, open, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError } from "../errors.ts";
import { errnoName, onFile } from "./file-error.ts";

/** Beyond this many remembered folders, forgetting costs a few syncs and remembering costs memory. */
const REMEMBERED_FOLDERS = 10_000;

/** The folders of a store below its base path. None is made, entered or removed through a symbolic link. */
export interface StoreFolders {
  /** Makes `folder` (0700) and what lacks above it, each lasting a power failure. The base itself is never made here. */
  make(doing: string, folder: string): Promise<void>;
  /** To be told that a folder made before is not there any more. */
  forget(): void;
  /** Whether `folder` is there. @throws StorageError `STORAGE_FORBIDDEN` when it lies behind a symbolic link */
  exists(doing: string, folder: string): Promise<boolean>;
  /** Removes `folder` and those above it as long as they are empty, never the base. Answers the first that stays. */
  removeEmpty(folder: string): Promise<string>;
}

/** `base` is absolute; `folder`s are relative to it, without a slash at the end, and empty for the base itself. */
export function storeFolders(base: string): StoreFolders {
  // Those whose name is known to be on the disk: made by this process, or synced by it.
  const lasting = new Set<string>();
  // A snapshot's documents, which lie together, are asked for at once.
  const looking = new Map<string, Promise<boolean>>();

  return {
    async make(doing, folder) {
      if (lasting.has(folder)) return;
      for (const path of pathsDownTo(folder)) {
        if (lasting.has(path)) continue;
        await makeOne(doing, base, path);
        await onFile(doing, join(base, path), syncFolder(dirname(join(base, path))));
        if (lasting.size >= REMEMBERED_FOLDERS) lasting.clear();
        lasting.add(path);
      }
    },

    forget: () => lasting.clear(),

    async exists(doing, folder) {
      // Without waiting where nobody looks: who asks right after would look as well.
      const look = looking.get(folder);
      // That it was absent, when somebody else began to look, says nothing: the caller may have made it since.
      if (look !== undefined && (await look.catch(() => false))) return true;
      const found = isThere(doing, base, folder);
      looking.set(folder, found);
      try {
        return await found;
      } finally {
        if (looking.get(folder) === found) looking.delete(folder);
      }
    },

    async removeEmpty(folder) {
      let path = folder;
      while (path !== "") {
        try {
          await rmdir(join(base, path));
        } catch (error) {
          // Not empty, a mount point, no right: it stays, and an empty folder harms nobody.
          if (errnoName(error) !== "ENOENT") return path;
        }
        lasting.delete(path);
        path = parentOf(path);
      }
      return path;
    },
  };
}

/** Makes what the folder holds by name last a power failure. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    // Some network and FUSE file systems have no such call for folders; there, names last by other means or not at all.
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoName(error) ?? "")) throw error;
  } finally {
    await folder.close();
  }
}

/** The folder part of a key or folder; empty for what lies in the base. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

async function isThere(doing: string, base: string, folder: string): Promise<boolean> {
  let isFolder = folder !== "";
  for (const path of pathsDownTo(folder)) {
    const kind = await kindOf(doing, join(base, path));
    if (kind === "link") throw behindLink(doing, join(base, path));
    isFolder = kind === "folder";
    if (!isFolder) break;
  }
  if (isFolder) return true;
  // Seen as an empty store, a file in the base's place would pass for one that has lost everything.
  if (await isFile(base)) throw new StorageError("STORAGE_FAILED", `${doing}: ${base} is a file and no folder`);
  return folder === "";
}

async function isFile(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch {
    // Not there or not readable: what is asked for next says which.
    return false;
  }
}

async function makeOne(doing: string, base: string, path: string): Promise<void> {
  const full = join(base, path);
  const kind = await kindOf(doing, full);
  if (kind === "folder") return;
  if (kind === "link") throw behindLink(doing, full);
  if (kind === "other")
    throw new StorageError("STORAGE_FAILED", `${doing}: ${full} is a file where a folder is needed`);
  try {
    await mkdir(full, { mode: 0o700 });
  } catch (error) {
    // Another writer made it meanwhile.
    if (errnoName(error) === "EEXIST") return;
    await onFile(doing, full, Promise.reject(error));
  }
}

async function kindOf(doing: string, path: string): Promise<"folder" | "link" | "other" | "absent"> {
  try {
    const stat = await lstat(path);
    return stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "other";
  } catch (error) {
    if (errnoName(error) === "ENOENT" || errnoName(error) === "ENOTDIR") return "absent";
    return onFile(doing, path, Promise.reject(error));
  }
}

/** `a`, `a/b`, `a/b/c` */
function pathsDownTo(folder: string): string[] {
  const parts = folder === "" ? [] : folder.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function behindLink(doing: string, path: string): StorageError {
  return new StorageError(
    "STORAGE_FORBIDDEN",
    `${doing}: ${path} is a symbolic link, which the storage does not follow`,
  );
}
