import { didYouMean } from "../lib/config/suggestion.ts";

const MAX_NAMES = 20;

/** For the end of a message about a name that is not there: the one that may be meant, else those that there are. */
export function knownNames(name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  if (meant !== "") return meant;
  if (known.length === 0) return "; there are none";
  const more = known.length > MAX_NAMES ? `, and ${known.length - MAX_NAMES} more` : "";
  return `; there ${known.length === 1 ? "is" : "are"} ${known.slice(0, MAX_NAMES).join(", ")}${more}`;
}
