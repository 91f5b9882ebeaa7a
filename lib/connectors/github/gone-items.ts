import type { Line } from "./lines.ts";
import { isObject, type Json } from "./pages.ts";

/** Objects of one parent's line that are gone from the source. */
export interface GoneItems {
  /** The line's. */
  readonly key: string;
  readonly ids: ReadonlySet<string>;
}

/** What tells the objects of a parent's line from one another; those without an id are not told apart. */
export function itemIds(json: Json): ReadonlySet<string> {
  return new Set(
    itemsOf(json)
      .map(idOf)
      .filter((id) => id !== undefined),
  );
}

/** What the last snapshot's line holds and the parent does not have any more. `now` is empty where it has none. */
export function goneItems({ key, json }: Line, now: ReadonlySet<string>): GoneItems | undefined {
  const ids = itemIds(json).difference(now);
  return ids.size === 0 ? undefined : { key, ids };
}

/** The objects themselves, as they were last seen. */
export const withIds = (
  json: Json,
  ids: ReadonlySet<string>,
): readonly { readonly id: string; readonly item: Json }[] =>
  itemsOf(json).flatMap((item) => {
    const id = idOf(item);
    return id !== undefined && ids.has(id) ? [{ id, item }] : [];
  });

const itemsOf = ({ items }: Json): readonly Json[] => (Array.isArray(items) ? items.filter(isObject) : []);

const idOf = ({ id }: Json): string | undefined =>
  typeof id === "string" || typeof id === "number" ? String(id) : undefined;
