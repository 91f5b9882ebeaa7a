import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";

/** A process, so that others of the same machine can tell whether it still runs. */
export interface ProcessIdentity {
  /** Where its number means something; nothing can be said of processes of another machine. */
  readonly machine: string;
  readonly pid: number;
  /** Ticks since boot at which it began; 0 where the system does not tell. */
  readonly start: number;
}

let knownStart: number | undefined;

/** Looked up once: whoever stores a file names it by this. */
export function thisProcess(): ProcessIdentity {
  knownStart ??= startOf(process.pid) ?? 0;
  return { machine: thisMachine(), pid: process.pid, start: knownStart };
}

/** True only when it was one of this machine and is no more. */
export function isGone({ machine, pid, start }: ProcessIdentity): boolean {
  if (machine !== thisMachine()) return false;
  const now = startOf(pid);
  // Another start means that the number went to a new process since.
  return now === undefined || (now !== 0 && start !== 0 && now !== start);
}

let knownMachine: string | undefined;

/** One boot of one machine, and one container of it. */
function thisMachine(): string {
  knownMachine ??= machine();
  return knownMachine;
}

function machine(): string {
  const boot = textOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  // Without it, what is least likely to be the same on two machines of one name.
  const instead = () =>
    Object.values(networkInterfaces())
      .flatMap((one) => one ?? [])
      .map(({ mac }) => mac)
      .sort()
      .join();
  return createHash("sha256")
    .update(
      [hostname(), boot === "" ? instead() : boot, textOr("", () => readlinkSync("/proc/self/ns/pid"))].join("\n"),
    )
    .digest("hex")
    .slice(0, 12);
}

/** Undefined when there is no such process; 0 for one that lives but cannot be asked. */
function startOf(pid: number): number | undefined {
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
