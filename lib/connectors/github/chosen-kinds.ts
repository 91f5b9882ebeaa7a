import { kinds } from "./kinds/all.ts";
import { type Content, contents } from "./kinds/contents.ts";
import type { Kind } from "./kinds/kind.ts";

/** The names that `include`, `skip` and `require` take. */
export const kindNames: readonly string[] = [...contents, ...kinds].map(({ name }) => name);

/** What a thing is has to be known in order to read the rest of it. */
export const ALWAYS: readonly string[] = ["repository"];

export interface ChosenKinds {
  has(name: string): boolean;
  /** Contents first. */
  readonly all: readonly Content[];
  /** In the order in which they are read. */
  of(subject: Kind["subject"]): readonly Kind[];
}

/**
 * The default set, and what `include` adds, without what `skip` takes away. `skip: [all]` leaves what `include` names; `include: [all]`
 * adds everything. A kind that hangs on another brings that one along.
 */
export function chosenKinds(include: readonly string[], skip: readonly string[]): ChosenKinds {
  const chosen = new Set<string>(ALWAYS);
  for (const { name, byDefault } of [...contents, ...kinds]) {
    const wanted = include.includes(name) || include.includes("all") || (byDefault && !skip.includes("all"));
    if (wanted && !skip.includes(name)) chosen.add(name);
  }
  for (const { name, reading } of kinds) if (chosen.has(name) && reading.how === "changed") chosen.add(reading.parent);
  return {
    has: (name) => chosen.has(name),
    all: [...contents, ...kinds].filter(({ name }) => chosen.has(name)),
    of: (subject) => kinds.filter((kind) => kind.subject === subject && chosen.has(kind.name)),
  };
}
