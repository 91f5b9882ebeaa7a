import type { Problem } from "../watch/watch-job.ts";
import type { Told } from "./told.ts";

/** So that what is remembered stays a small document. */
const MAX_NAMED = 1000;

/** Which snapshots the problems name, by the problems' codes, as it is remembered. */
export function namedBy(problems: readonly Problem[]): Readonly<Record<string, string[]>> {
  const named = new Map<string, string[]>();
  for (const { code, snapshots } of problems) {
    if (snapshots !== undefined) named.set(code, [...(named.get(code) ?? []), ...snapshots]);
  }
  return Object.fromEntries([...named].map(([code, snapshots]) => [code, snapshots.sort().slice(0, MAX_NAMED)]));
}

/** A second manifest that was changed is news beside the first. Of which one a document of before tells is not known. */
export function namesAnother(problems: readonly Problem[], missed: Told["missed"]): boolean {
  return Object.entries(namedBy(problems)).some(([code, snapshots]) => {
    const known = missed?.named?.[code];
    return known !== undefined && snapshots.some((snapshot) => !known.includes(snapshot));
  });
}
