import type { Unit } from "../connector.ts";

/** Which units a listing has given. */
export interface Shown {
  note(unit: Pick<Unit, "id" | "identity">): void;
  hasId(id: string): boolean;
  has(identity: string): boolean;
  noted(): { readonly ids: string[]; readonly identities: string[] };
}

export function shownSoFar(before?: ReturnType<Shown["noted"]>): Shown {
  const ids = new Set(before?.ids);
  const identities = new Set(before?.identities);
  return {
    note({ id, identity }) {
      ids.add(id);
      if (identity !== undefined) identities.add(identity);
    },
    hasId: (id) => ids.has(id),
    has: (identity) => identities.has(identity),
    noted: () => ({ ids: [...ids], identities: [...identities] }),
  };
}
