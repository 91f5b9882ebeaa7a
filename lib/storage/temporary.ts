import { createHash, randomBytes } from "node:crypto";
import { isGone, thisProcess } from "../process-identity.ts";
import { RESERVED_PREFIX } from "./key.ts";

/** `<prefix><machine>-<pid>-<when that process began>-<random>`: who writes the file, so that others know when it is abandoned. */
const TEMPORARY = new RegExp(`^${RESERVED_PREFIX.replaceAll(".", "\\.")}([0-9a-f]{12})-(\\d+)-(\\d+)-[0-9a-f]{16}$`);
const LOCK = new RegExp(`^${RESERVED_PREFIX.replaceAll(".", "\\.")}lock-[0-9a-f]{32}-\\d+$`);
/** No artifact takes this long between two writes: what is older belongs to a machine that is no more. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** A name in the same folder for a file in the making. Its length does not depend on the object's. */
export function temporaryName(): string {
  const { machine, pid, start } = thisProcess();
  return `${RESERVED_PREFIX}${machine}-${pid}-${start}-${randomBytes(8).toString("hex")}`;
}

/** The `number`-th lock, from 0, for replacing `version` of `name` in its folder (claim.ts). */
export function lockName(name: string, version: string, number: number): string {
  return `${RESERVED_PREFIX}lock-${createHash("sha256").update(`${name}\0${version}`).digest("hex").slice(0, 32)}-${number}`;
}

export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name);
export const isLockName = (name: string): boolean => LOCK.test(name);

/** Nothing is written for a day: no process is at it. Both times are by the clock of the storage. */
export const isOld = (modifiedMs: number, nowMs: number): boolean => nowMs - modifiedMs > ABANDONED_AFTER_MS;

export function ownerIsThis(owner: string): boolean {
  const { machine, pid, start } = thisProcess();
  return owner.startsWith(`${RESERVED_PREFIX}${machine}-${pid}-${start}-`);
}

/** Whether nobody will finish the temporary file `owner`, because its process was one of this machine and is gone. */
export function ownerIsGone(owner: string): boolean {
  const [, machine, pid, start] = TEMPORARY.exec(owner) ?? [];
  return machine !== undefined && isGone({ machine, pid: Number(pid), start: Number(start) });
}
