import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { isGone, thisProcess } from "../../../process-identity.ts";

/** Labels of what we make in an Engine for a short while: helper containers, volumes to prove in. */
export const OWNER_LABEL = "core-backup.owner";
const BOOT_LABEL = "core-backup.boot";
const UNTIL_LABEL = "core-backup.until";

type Labels = Readonly<Record<string, string>>;

/** Says whose it is. From `until` on, machines that cannot know better may take us for dead. */
export function ownerLabels(until: Date): Labels {
  const { machine, pid, start } = thisProcess();
  return {
    [OWNER_LABEL]: `${machine}-${pid}-${start}`,
    [BOOT_LABEL]: `${host()}-${boot()}`,
    [UNTIL_LABEL]: until.toISOString(),
  };
}

/** The same owner, who may be alive for longer. */
export const withUntil = (labels: Labels, until: Date): Labels => ({ ...labels, [UNTIL_LABEL]: until.toISOString() });

/**
 * Whether who made it is gone: a process of this machine that ended or was before its last start, or one of elsewhere whose
 * time is over. `engineIsHere`: only then is a machine of our name this one for certain.
 */
export function isAbandoned(labels: Labels, now: Date, engineIsHere: boolean): boolean {
  const [, machine, pid, start] = /^([0-9a-f]+)-(\d+)-(\d+)$/.exec(labels[OWNER_LABEL] ?? "") ?? [];
  if (machine === undefined) return false;
  if (isGone({ machine, pid: Number(pid), start: Number(start) })) return true;
  const [, name, begun] = /^([0-9a-f]+)-(.+)$/.exec(labels[BOOT_LABEL] ?? "") ?? [];
  if (engineIsHere && name === host() && boot() !== "" && begun !== boot()) return true;
  return now.toISOString() > (labels[UNTIL_LABEL] ?? "9");
}

const host = (): string => createHash("sha256").update(hostname()).digest("hex").slice(0, 12);

function boot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
