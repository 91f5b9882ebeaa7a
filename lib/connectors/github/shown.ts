import type { Unit } from "../connector.ts";

/** Which units a listing has given. */
export interface Shown {
  note(unit: Pick<Unit, "id" | "identity">): void;
  hasId(id: string): boolean;
  has(identity: string): boolean;
}

export function shownSoFar(): Shown {
  const ids = new Set<string>();
  const identities = new Set<string>();
  return {
    note({ id, identity }) {
      ids.add(id);
      if (identity !== undefined) identities.add(identity);
    },
    hasId: (id) => ids.has(id),
    has: (identity) => identities.has(identity),
  };
}
