import type { Item } from "../connector.ts";

/** An item that is taken over from the last snapshot, or from what was stored since. Its facts are those of then, unless it has to be read after all. */
export function unchangedItem(item: Item, unchanged: true | "salvage" = true): Item {
  let isRead = false;
  return {
    ...item,
    unchanged,
    open() {
      isRead = true;
      return item.open();
    },
    facts: () => (isRead ? item.facts?.() : undefined),
  };
}
