import { kinds } from "./kinds/all.ts";
import { type Content, contents } from "./kinds/contents.ts";
import type { Kind } from "./kinds/kind.ts";

/** The names that `include`, `skip` and `require` take. */
export const kindNames: readonly string[] = [...contents, ...kinds].map(({ name }) => name);

/** What a thing is has to be known in order to read the rest of it. */
export const ALWAYS = "repository";
/** These are left out with all that belongs to them. */
const OWN_KINDS = ["organization", "user", "gist"] as const;

export interface ChosenKinds {
  has(name: string): boolean;
  /** Contents first. */
  readonly all: readonly Content[];
  /** In the order in which they are read. */
  of(subject: Kind["subject"]): readonly Kind[];
}

/**
 * The default set, and what `include` adds, without what `skip` takes away. `skip: [all]` leaves what `include` names; `include: [all]`
 * adds everything. A kind that hangs on another brings that one along; `skip: [organization]` leaves out all that is the organization's own.
 */
export function chosenKinds(include: readonly string[], skip: readonly string[]): ChosenKinds {
  const chosen = new Set<string>([ALWAYS]);
  for (const { name, byDefault } of [...contents, ...kinds]) {
    const wanted = include.includes(name) || include.includes("all") || (byDefault && !skip.includes("all"));
    if (wanted && !skip.includes(name)) chosen.add(name);
  }
  for (const { name, reading } of kinds) if (chosen.has(name) && reading.how === "changed") chosen.add(reading.parent);
  // Files of releases are found by the releases.
  if (chosen.has("assets")) chosen.add("releases");
  for (const own of OWN_KINDS) {
    const rows = [...contents, ...kinds].filter(({ subject, name }) => subject === own && chosen.has(name));
    const names = rows.map(({ name }) => name);
    if (skip.includes(own)) for (const name of names) chosen.delete(name);
    else if (names.length > 0) chosen.add(own);
  }
  return {
    has: (name) => chosen.has(name),
    all: [...contents, ...kinds].filter(({ name }) => chosen.has(name)),
    of: (subject) => kinds.filter((kind) => kind.subject === subject && chosen.has(kind.name)),
  };
}
