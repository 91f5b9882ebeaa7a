import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isGone, thisProcess } from "../process-identity.ts";

/** `.restoring-<machine>-<pid>-<when that process began>-…`: lies in the target from a restore's begin to its end. */
const STAGING = /^\.restoring-([0-9a-f]{12})-(\d+)-(\d+)-[^/]+$/;

/** In `target`, so that what is made there is moved to its place and not copied. */
export function makeStaging(target: string): Promise<string> {
  const { machine, pid, start } = thisProcess();
  return mkdtemp(join(target, `.restoring-${machine}-${pid}-${start}-`));
}

/** What lies in a target beside what restores that were killed left in the making. */
export interface TargetContent {
  readonly others: readonly string[];
  /** The folders of such restores. */
  readonly abandoned: readonly string[];
}

/** Undefined for a target that is not there. */
export async function lookAt(target: string): Promise<TargetContent | undefined> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (names === undefined) return undefined;
  const abandoned = names.filter(isAbandoned);
  const others = names.filter((name) => !abandoned.includes(name));
  // A restore makes the folder of a unit before anything is moved there.
  if (abandoned.length > 0 && (await holdFoldersOnly(target, others))) return { others: [], abandoned };
  return { others, abandoned };
}

export async function clearAbandoned(target: string, { abandoned }: TargetContent): Promise<void> {
  for (const name of abandoned) await rm(join(target, name), { recursive: true, force: true });
}

function isAbandoned(name: string): boolean {
  const [, machine, pid, start] = STAGING.exec(name) ?? [];
  return machine !== undefined && isGone({ machine, pid: Number(pid), start: Number(start) });
}

async function holdFoldersOnly(folder: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const below = await readdir(join(folder, name)).catch(() => undefined);
    if (below === undefined || !(await holdFoldersOnly(join(folder, name), below))) return false;
  }
  return true;
}
