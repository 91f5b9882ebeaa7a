import { link, lstat, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../errors.ts";
import { errnoName } from "./file-error.ts";
import { lockName } from "./temporary.ts";

/** What `link` answers where hard links do not exist (FAT, many FUSE and SMB mounts) or cannot be made here. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EACCES"]);
const LOCK_POLL_MS = 20;
const LOCK_POLLS = 250;

/** What differs between file systems, and what takes time. */
export interface PublishSystem {
  readonly link: (existing: string, made: string) => Promise<void>;
  readonly pause: (ms: number) => Promise<void>;
}

const SYSTEM: PublishSystem = { link, pause: (ms) => delay(ms) };

export const hasNoLink = (error: unknown): boolean => NO_LINKS.has(errnoName(error) ?? "");

/**
 * Gives a finished temporary file its final name unless that exists. Of several writers exactly one gets true.
 * The temporary name is gone afterwards only where it was renamed.
 */
export async function publishNew(temporary: string, final: string, system: PublishSystem = SYSTEM): Promise<boolean> {
  try {
    await system.link(temporary, final);
    return true;
  } catch (error) {
    // Over NFS the answer to a link that was made may get lost and the repetition find the name taken: link(2), BUGS.
    if (errnoName(error) === "EEXIST") return sameFile(temporary, final);
    if (!hasNoLink(error)) throw error;
    return publishUnderLock(temporary, final, system);
  }
}

/**
 * Without links, a name of its own that only one writer can create guards "look, then rename". It holds the temporary
 * file's name, so that one left by a killed process is known to be abandoned. The final name is never anything but whole.
 */
async function publishUnderLock(temporary: string, final: string, system: PublishSystem): Promise<boolean> {
  const lock = join(dirname(final), lockName(basename(final)));
  await takeLock(lock, basename(temporary), system);
  try {
    if (await exists(final)) return false;
    await rename(temporary, final);
    return true;
  } finally {
    // One that cannot be removed now is swept before a later run.
    await unlink(lock).catch(() => {});
  }
}

async function takeLock(lock: string, owner: string, system: PublishSystem): Promise<void> {
  for (let poll = 1; ; poll += 1) {
    try {
      const file = await open(lock, "wx", 0o600);
      try {
        await file.writeFile(owner);
        return;
      } catch (error) {
        await unlink(lock);
        throw error;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errnoName(error) !== "EEXIST") throw error;
      if (poll >= LOCK_POLLS) {
        throw new TransientError("STORAGE_FAILED", `another process holds ${lock}`, { cause: error });
      }
      await system.pause(LOCK_POLL_MS);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoName(error) === "ENOENT") return false;
    throw error;
  }
}

async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one, { bigint: true }), lstat(other, { bigint: true })]);
  return a.ino === b.ino && a.dev === b.dev;
}
