import type { Facts, Item } from "../connector.ts";
import type { PreviousSubject } from "./previous-subject.ts";

/**
 * Where an artifact lies that tells by its name or its facts that it is what the source has now: in the last snapshot, or in what the
 * unit stored when it failed since.
 */
export function stillStored(
  { unit, salvage }: Pick<PreviousSubject, "unit" | "salvage">,
  name: string,
  isSame: (facts: Facts) => boolean = () => true,
): NonNullable<Item["unchanged"]> {
  const has = (one: typeof unit): boolean => {
    const artifact = one?.artifacts.get(name);
    return artifact !== undefined && isSame(artifact.facts);
  };
  if (has(unit)) return true;
  return has(salvage) && "salvage";
}
