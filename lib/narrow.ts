import { matchesGlob } from "node:path";
import { nearest } from "./config/suggestion.ts";
import type { Unit } from "./connectors/connector.ts";
import { ConfigError } from "./errors.ts";

const MAX_KNOWN = 20;

/**
 * The units that a narrowed run is for: those with one of these ids, or that match one of these globs (`my-org/api-*`).
 * @throws ConfigError at the end for what none matched, since a run that quietly stores less than was asked for helps nobody
 */
export async function* narrowed(
  units: AsyncIterable<Unit>,
  only: readonly string[] | undefined,
  job: string,
): AsyncIterable<Unit> {
  if (only === undefined) {
    yield* units;
    return;
  }
  const unmatched = new Set(only);
  const known: string[] = [];
  for await (const unit of units) {
    known.push(unit.id);
    const matching = only.filter((pattern) => pattern === unit.id || matchesGlob(unit.id, pattern));
    for (const pattern of matching) unmatched.delete(pattern);
    if (matching.length > 0) yield unit;
  }
  const [missing] = unmatched;
  if (missing !== undefined) throw new ConfigError(`job ${job} has no unit ${missing}${hint(missing, known)}`);
}

/** The same for the same choice, in whatever order; undefined for a whole run. */
export function choiceOf(units: readonly string[]): readonly string[] | undefined {
  return units.length === 0 ? undefined : [...new Set(units)].sort();
}

export const isSameChoice = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

function hint(missing: string, known: readonly string[]): string {
  const meant = nearest(missing, known);
  if (meant !== undefined) return ` (did you mean ${meant}?)`;
  const more = known.length > MAX_KNOWN ? `, and ${known.length - MAX_KNOWN} more` : "";
  return known.length === 0 ? "; it has none" : `; it has ${known.slice(0, MAX_KNOWN).join(", ")}${more}`;
}
