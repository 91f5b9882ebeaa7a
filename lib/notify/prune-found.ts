import type { Problem } from "../watch/watch-job.ts";
import type { Told } from "./told.ts";
import { isLasting, namedBy, namesAnother } from "./told-problems.ts";

/** What a prune looks for in all of a job's snapshots, by the codes of the watch. */
const FOUND_BY_PRUNE: ReadonlySet<string> = new Set(["SNAPSHOT_LOST", "INTEGRITY_MANIFEST"]);

/** Whether a prune found what nobody was told of yet, by a run or by a watch. */
export function isFoundNew(found: readonly Problem[], missed: Told["missed"]): boolean {
  return found.some(({ code }) => missed?.problems.includes(code) !== true) || namesAnother(found, missed);
}

/**
 * What is known to be wrong with a job once its prune has looked. `clears`: what it does not find any more is over, and what a good run mends. `found` is undefined where it
 * did not look. Pure.
 */
export function missedWith(
  missed: Told["missed"],
  found: readonly Problem[] | undefined,
  { clears, now }: { readonly clears: boolean; readonly now: Date },
): Told["missed"] {
  if (found === undefined) return missed;
  const isOver = (code: string) => clears && (FOUND_BY_PRUNE.has(code) || !isLasting(code));
  const before = (missed?.problems ?? []).filter((code) => !isOver(code));
  const problems = [...new Set([...before, ...found.map(({ code }) => code)])];
  if (problems.length === 0) return null;
  const { named: known = {}, ...rest } = missed ?? {};
  const left = Object.entries(known).filter(([code]) => !isOver(code));
  const named = { ...Object.fromEntries(left), ...namedBy(found) };
  return {
    ...rest,
    // What was told before and is over, such as that the job was late, says not since when this is known.
    since: (problems.some((code) => missed?.problems.includes(code)) ? missed?.since : undefined) ?? now.toISOString(),
    problems,
    ...(Object.keys(named).length === 0 ? {} : { named }),
  };
}
