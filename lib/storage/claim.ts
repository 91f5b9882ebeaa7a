import { createHash } from "node:crypto";
import { lstat, open, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TransientError } from "../errors.ts";
import { errnoName } from "./file-error.ts";
import { lockName, ownerIsGone } from "./temporary.ts";

/** The name is free: what stands for a version where there is no content. */
export const ABSENT = "absent";

export interface ClaimSystem {
  readonly pause: (ms: number) => Promise<void>;
  /** Milliseconds that only grow. */
  readonly elapsed: () => number;
}

const POLL_MS = 20;
/** Who finds the same lock of another machine for so long takes it for abandoned. Locks are held for milliseconds. */
const ABANDONED_AFTER_MS = 15_000;
/** Who has held one for longer, as after a suspended machine wakes up, gives up instead of replacing anything. */
const HOLD_AT_MOST_MS = 5_000;

/** What a lock file says: who holds it, and what is to be replaced. */
interface LockContent {
  readonly owner: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Renames the finished file `temporary` onto `final` if `final` still has exactly `version` (the SHA-256 of its content,
 * or ABSENT). Of several writers one gets true. POSIX has no such call, so a lock file, which only one process can
 * create, guards "compare, then rename".
 *
 * A lock is for replacing one version of one name, and its file's name says so. One whose holder is gone is never taken
 * away, which could hit a successor's: the next one is made beside it, with a higher number, and again only one process
 * can create that. All of them mean nothing once the version is replaced: who did that removes them, and whoever comes
 * later with the old version in mind finds another one when comparing.
 */
export async function renameOver(
  temporary: string,
  final: string,
  version: string,
  system: ClaimSystem,
): Promise<boolean> {
  const name = basename(final);
  const lockPath = (number: number) => join(dirname(final), lockName(name, version, number));
  const number = await takeLock(lockPath, { owner: basename(temporary), name, version }, system);
  const begunAt = [system.elapsed(), Date.now()] as const;
  let isCurrent = true;
  try {
    isCurrent = await isStill(final, version);
    if (!isCurrent) return false;
    // Of two clocks, since the first may stand still while a machine is suspended.
    const heldMs = Math.max(system.elapsed() - begunAt[0], Date.now() - begunAt[1]);
    if (heldMs > HOLD_AT_MOST_MS)
      throw new TransientError("STORAGE_FAILED", `${final}: comparing took ${Math.round(heldMs)} ms, and was given up`);
    await rename(temporary, final);
    isCurrent = false;
    return true;
  } finally {
    for (let each = number; each >= (isCurrent ? number : 0); each -= 1) await unlink(lockPath(each)).catch(() => {});
  }
}

/** Whether nobody needs the lock file any more whose content is given: its holder is gone and what it was for is replaced. */
export async function isMootLock(folder: string, content: string): Promise<boolean> {
  const lock = parseLock(content);
  if (lock === undefined || !ownerIsGone(lock.owner)) return false;
  return !(await isStill(join(folder, lock.name), lock.version));
}

/** Answers the number of the lock that is held now. Those below it belong to nobody that lives. */
async function takeLock(path: (number: number) => string, content: LockContent, system: ClaimSystem): Promise<number> {
  const abandoned = new Set<string>();
  let watched: { readonly lock: string; readonly since: number } | undefined;
  for (let number = 0; ; ) {
    if (await createLock(path(number), content)) return number;
    const found = await lookAt(path(number));
    if (found === undefined) {
      // Given back meanwhile, and perhaps all below it.
      number = 0;
      continue;
    }
    if (watched?.lock !== found.lock) watched = { lock: found.lock, since: system.elapsed() };
    if (system.elapsed() - watched.since > ABANDONED_AFTER_MS) abandoned.add(found.lock);
    if (abandoned.has(found.lock) || found.isDead) number += 1;
    else await system.pause(POLL_MS);
  }
}

async function createLock(path: string, content: LockContent): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(JSON.stringify(content));
      return true;
    } catch (error) {
      await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoName(error) === "EEXIST") return false;
    throw error;
  }
}

/** `lock` tells one lock file from another that was made later under the same name. */
async function lookAt(path: string): Promise<{ readonly lock: string; readonly isDead: boolean } | undefined> {
  try {
    const { ino, mtimeNs } = await lstat(path, { bigint: true });
    const content = await readFile(path, "utf8");
    const owner = parseLock(content)?.owner;
    return { lock: `${path} ${ino} ${mtimeNs} ${content}`, isDead: owner !== undefined && ownerIsGone(owner) };
  } catch (error) {
    if (errnoName(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined for one whose process was ended between making and filling it. */
function parseLock(content: string): LockContent | undefined {
  try {
    const { owner, name, version } = JSON.parse(content);
    const isWhole = typeof owner === "string" && typeof version === "string" && name === basename(String(name));
    return isWhole ? { owner, name, version } : undefined;
  } catch {
    return undefined;
  }
}

async function isStill(path: string, version: string): Promise<boolean> {
  try {
    if (version === ABSENT) return (await lstat(path)) === undefined;
    const content = await readFile(path);
    return createHash("sha256").update(content).digest("hex") === version;
  } catch (error) {
    if (errnoName(error) === "ENOENT") return version === ABSENT;
    throw error;
  }
}
