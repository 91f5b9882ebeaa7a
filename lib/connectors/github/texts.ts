import type { AttachmentFinder } from "./attachment-urls.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";

/** Where a URL stands: the kind, and its line's key. */
export interface TextPlace {
  readonly kind: string;
  readonly key: string;
}

/** The URLs in the texts of one repository, as its lines pass. Holds URLs and where they stand, and no texts. */
export interface Texts {
  /** The lines of `kind` begin, once more perhaps. */
  begin(kind: Kind): void;
  note(kind: Kind, line: Line): void;
  /** The URLs of a kind, each with the keys of its lines. */
  noted(kind: string): [string, string[]][];
  /** Takes these for what its lines show. */
  restore(kind: Kind, noted: readonly (readonly [string, readonly string[]])[]): void;
  /** Whether its lines have passed. */
  has(kind: Kind): boolean;
  /** Each URL once, in order. */
  all(): readonly (readonly [string, readonly TextPlace[]])[];
}

/** Kinds whose objects hold what people wrote. */
export const TEXT_KINDS: ReadonlySet<string> = new Set([
  "issues",
  "issue_comments",
  "pulls",
  "pull_reviews",
  "review_comments",
  "commit_comments",
  "discussions",
  "releases",
]);

export function textsOf(find: AttachmentFinder): Texts {
  const found = new Map<string, Map<string, TextPlace[]>>();
  return {
    begin({ name }) {
      if (TEXT_KINDS.has(name)) found.set(name, new Map());
    },
    note({ name }, { key, json }) {
      const urls = found.get(name);
      if (urls === undefined) return;
      for (const url of find(json)) urls.set(url, [...(urls.get(url) ?? []), { kind: name, key }]);
    },
    noted: (name) => [...(found.get(name) ?? [])].map(([url, places]) => [url, places.map(({ key }) => key)]),
    restore({ name }, noted) {
      for (const [url, keys] of noted)
        found.get(name)?.set(
          url,
          keys.map((key) => ({ kind: name, key })),
        );
    },
    has: ({ name }) => found.has(name),
    all() {
      const merged = new Map<string, TextPlace[]>();
      for (const urls of found.values())
        for (const [url, places] of urls) merged.set(url, [...(merged.get(url) ?? []), ...places]);
      return [...merged].toSorted(([a], [b]) => (a < b ? -1 : 1));
    },
  };
}
