import { link, lstat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ABSENT, type ClaimSystem, renameOver } from "./claim.ts";
import { errnoName } from "./file-error.ts";

/** What `link` answers where hard links do not exist (FAT, many FUSE and SMB mounts) or cannot be made here. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EACCES"]);

/** What differs between file systems, and what takes time. */
export interface PublishSystem extends ClaimSystem {
  readonly link: (existing: string, made: string) => Promise<void>;
}

const SYSTEM: PublishSystem = { link, pause: (ms) => delay(ms), elapsed: () => performance.now() };

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
    return renameOver(temporary, final, ABSENT, system);
  }
}

/** Puts a finished temporary file in the place of `final` if that has this version still. Of several writers exactly one gets true. */
export async function publishOver(
  temporary: string,
  final: string,
  version: string,
  system: ClaimSystem = SYSTEM,
): Promise<boolean> {
  return version !== ABSENT && renameOver(temporary, final, version, system);
}

async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one, { bigint: true }), lstat(other, { bigint: true })]);
  return a.ino === b.ino && a.dev === b.dev;
}
