import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import type { Json } from "./pages.ts";

/** What is gone from the source since the last snapshot: kind by kind, the lines' keys. */
export interface Tombstones {
  add(kind: Kind, keys: readonly string[], previousLines: (() => AsyncIterable<Line>) | undefined): void;
  readonly isEmpty: boolean;
  /** `deleted.jsonl`'s new lines: the kind, when it was missed, and the object as it was last seen. */
  lines(noticedAt: string): AsyncIterable<Line>;
}

/** Its name among the kinds, for its lines are read like those of one. */
export const TOMBSTONES = "deleted";

export function tombstones(): Tombstones {
  const gone: { kind: Kind; keys: ReadonlySet<string>; previousLines: () => AsyncIterable<Line> }[] = [];
  return {
    add(kind, keys, previousLines) {
      if (keys.length > 0 && previousLines !== undefined) gone.push({ kind, keys: new Set(keys), previousLines });
    },
    get isEmpty() {
      return gone.length === 0;
    },
    async *lines(noticedAt) {
      for (const { kind, keys, previousLines } of gone) {
        for await (const { key, json } of previousLines()) {
          if (!keys.has(key)) continue;
          const tombstone: Json = { kind: kind.name, key, noticed_at: noticedAt, last: json };
          yield { key: `${kind.name} ${key}`, json: tombstone };
        }
      }
    },
  };
}
