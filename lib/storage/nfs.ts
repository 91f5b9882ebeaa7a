import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { StorageError } from "../errors.ts";
import { checkedStorage } from "./checked.ts";
import { onFile } from "./file-error.ts";
import { filesystemStorage } from "./filesystem.ts";
import { nearestExisting, readMounts, whyNotMounted } from "./mounts.ts";
import type { Storage } from "./storage.ts";

export interface NfsStorageOptions {
  readonly basePath: string;
  /**
   * Refuses to work while `basePath` lies on the root file system, which is what lies below an export that is not
   * mounted: it would fill the root disk, and the list of snapshots would be empty.
   */
  readonly requireMount: boolean;
}

/**
 * The filesystem storage on a share that somebody else mounts. With `requireMount`, every method first makes sure
 * that it is mounted. @throws StorageError `STORAGE_NOT_MOUNTED`, saying what lies there instead
 */
export function nfsStorage(options: NfsStorageOptions): Storage {
  const inner = filesystemStorage({ basePath: options.basePath });
  if (!options.requireMount) return inner;
  return checkedStorage(inner, mountCheck(resolve(options.basePath)));
}

/** The whole check once, and again when the device below `base` is another; in between one look at the device. */
function mountCheck(base: string): () => Promise<void> {
  let checked: bigint | undefined;
  return async () => {
    const { path, device } = await nearestExisting(base);
    if (path === base && device === checked) return;
    await refuseUnlessMounted(base, path, device);
    checked = path === base ? device : undefined;
  };
}

async function refuseUnlessMounted(base: string, existing: string, device: bigint): Promise<void> {
  const mounts = await readMounts();
  if (mounts === undefined) {
    const root = await onFile("looking for the storage's mount point", "/", stat("/", { bigint: true }));
    if (root.dev === device) throw notMounted(base, "it lies on the root file system");
    return;
  }
  // A mount point is known by its real path, and base_path may lead there through a link.
  const real = await onFile("looking for the storage's mount point", existing, realpath(existing));
  const why = whyNotMounted(mounts, real);
  if (why !== undefined) throw notMounted(base, why);
}

function notMounted(base: string, instead: string): StorageError {
  const help = "mount the export, or set require_mount to false if that is where backups belong";
  return new StorageError("STORAGE_NOT_MOUNTED", `nothing is mounted at ${base}: ${instead}; ${help}`);
}
