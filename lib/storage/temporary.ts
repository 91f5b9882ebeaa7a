import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { RESERVED_PREFIX } from "./key.ts";

/** `<prefix><machine>-<pid>-<when that process began>-<random>`: who writes the file, so that others know when it is abandoned. */
const TEMPORARY = new RegExp(`^${RESERVED_PREFIX.replaceAll(".", "\\.")}([0-9a-f]{12})-(\\d+)-(\\d+)-[0-9a-f]{16}$`);
const LOCK = new RegExp(`^${RESERVED_PREFIX.replaceAll(".", "\\.")}lock-[0-9a-f]{32}-\\d+$`);
/** No artifact takes this long between two writes: what is older belongs to a machine that is no more. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** A name in the same folder for a file in the making. Its length does not depend on the object's. */
export function temporaryName(): string {
  return `${RESERVED_PREFIX}${machine()}-${process.pid}-${processStart(process.pid) ?? 0}-${randomBytes(8).toString("hex")}`;
}

/** The `number`-th lock, from 0, for replacing `version` of `name` in its folder (claim.ts). */
export function lockName(name: string, version: string, number: number): string {
  return `${RESERVED_PREFIX}lock-${createHash("sha256").update(`${name}\0${version}`).digest("hex").slice(0, 32)}-${number}`;
}

export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name);
export const isLockName = (name: string): boolean => LOCK.test(name);

/** Nothing is written for a day: no process is at it. Both times are by the clock of the storage. */
export const isOld = (modifiedMs: number, nowMs: number): boolean => nowMs - modifiedMs > ABANDONED_AFTER_MS;

/** Whether nobody will finish the temporary file `owner`, because its process was one of this machine and is gone. */
export function ownerIsGone(owner: string): boolean {
  const match = TEMPORARY.exec(owner);
  if (match === null || match[1] !== machine()) return false;
  const start = processStart(Number(match[2]));
  // Another start means that the number went to a new process since.
  return start === undefined || (start !== 0 && match[3] !== "0" && start !== Number(match[3]));
}

let knownMachine: string | undefined;

/** Where a process number means something: one boot of one machine, and one container of it. */
function machine(): string {
  knownMachine ??= createHash("sha256")
    .update(
      [
        hostname(),
        textOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
        textOr("", () => readlinkSync("/proc/self/ns/pid")),
      ].join("\n"),
    )
    .digest("hex")
    .slice(0, 12);
  return knownMachine;
}

/** Ticks since boot at which the process began; 0 for one that lives but cannot be asked; undefined when there is none. */
function processStart(pid: number): number | undefined {
  // proc(5): the second field is the name in parentheses, which may hold anything; the third the state, the 22nd the start.
  const stat = textOr("", () => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat !== "") {
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  }
  try {
    process.kill(pid, 0);
    return 0;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return error instanceof Error && "code" in error && error.code === "EPERM" ? 0 : undefined;
  }
}

function textOr(fallback: string, read: () => string): string {
  try {
    return read();
  } catch {
    return fallback;
  }
}
