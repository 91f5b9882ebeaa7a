import type { Problem } from "../watch/watch-job.ts";
import { REMOVED, type Told } from "./told.ts";

/** So that what is remembered stays a small document. */
const MAX_NAMED = 1000;

/** Of what the watch finds. A manifest that was changed stays so. */
const CURED_BY_A_RUN: ReadonlySet<string> = new Set([
  "JOB_LATE",
  "JOB_NOT_PROVED",
  "JOB_NOT_STARTED",
  "JOB_STUCK",
  "SEALED",
  "VERSION_UNKNOWN",
  REMOVED,
]);

/** No good run of the whole job mends it. */
export const isLasting = (problem: string): boolean => !CURED_BY_A_RUN.has(problem);

/** Which snapshots the problems name, by the problems' codes, as it is remembered: the newest of them. */
export function namedBy(problems: readonly Problem[]): Readonly<Record<string, string[]>> {
  const named = [...allNamed(problems)].map(([code, snapshots]) => [code, snapshots.sort().slice(-MAX_NAMED)] as const);
  return Object.fromEntries(named);
}

/**
 * A second manifest that was changed is news beside the first. Of which one a document of before tells is not known, nor
 * whether one was told that is older than all that are remembered.
 */
export function namesAnother(problems: readonly Problem[], missed: Told["missed"]): boolean {
  return [...allNamed(problems)].some(([code, snapshots]) => {
    const known = missed?.named?.[code];
    if (known === undefined) return false;
    const names = new Set(known);
    const oldest = known.length < MAX_NAMED ? "" : (known[0] ?? "");
    return snapshots.some((snapshot) => snapshot >= oldest && !names.has(snapshot));
  });
}

function allNamed(problems: readonly Problem[]): ReadonlyMap<string, string[]> {
  const named = new Map<string, string[]>();
  for (const { code, snapshots } of problems) {
    if (snapshots !== undefined) named.set(code, [...(named.get(code) ?? []), ...snapshots]);
  }
  return named;
}
