import { type GoneItems, withIds } from "./gone-items.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import type { Json } from "./pages.ts";

/** What is gone from the source since the last snapshot: kind by kind, the lines' keys. */
export interface Tombstones {
  /** What was said of a kind before, when it was read for the first time, is not true any more. */
  set(kind: Kind, gone: Gone, previousLines: (() => AsyncIterable<Line>) | undefined): void;
  /** Nothing is said of a kind after all. */
  drop(kind: Kind): void;
  readonly isEmpty: boolean;
  /** `deleted.jsonl`'s new lines: the kind, when it was missed, and the object as it was last seen. */
  lines(noticedAt: string): AsyncIterable<Line>;
}

export interface Gone {
  /** Of lines. */
  readonly keys: readonly string[];
  /** Of lines that stay. */
  readonly items: readonly GoneItems[];
}

export const NOTHING_GONE: Gone = { keys: [], items: [] };

/** Its name among the kinds, for its lines are read like those of one. */
export const TOMBSTONES = "deleted";

export function tombstones(): Tombstones {
  const gone = new Map<
    string,
    { keys: ReadonlySet<string>; items: readonly GoneItems[]; previousLines: () => AsyncIterable<Line> }
  >();
  return {
    set({ name }, { keys, items }, previousLines) {
      gone.delete(name);
      if (keys.length + items.length > 0 && previousLines !== undefined)
        gone.set(name, { keys: new Set(keys), items, previousLines });
    },
    drop: ({ name }) => void gone.delete(name),
    get isEmpty() {
      return gone.size === 0;
    },
    async *lines(noticedAt) {
      for (const [kind, { keys, items, previousLines }] of gone) {
        const ids = new Map(items.map((one) => [one.key, one.ids]));
        for await (const { key, json } of previousLines()) {
          if (keys.has(key)) yield tombstone({ kind, key, noticed_at: noticedAt, last: json });
          for (const { id, item } of withIds(json, ids.get(key) ?? new Set()))
            yield tombstone({ kind, key: `${key}/${id}`, of: json.of, noticed_at: noticedAt, last: item });
        }
      }
    },
  };
}

const tombstone = (json: Json & { readonly kind: string; readonly key: string }): Line => ({
  key: `${json.kind} ${json.key}`,
  json,
});
