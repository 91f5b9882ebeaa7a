import type { Listing, Ref } from "./refs.ts";

/**
 * The `refs:` option: names in which `*` stands for any characters, `/` included, and `?` for one. `HEAD` may be
 * named too; else it is kept when the branch that it names is.
 */
export interface RefPatterns {
  /** What a server needs to list, as `ref-prefix` of protocol v2; undefined for everything. */
  readonly prefixes: readonly string[] | undefined;
  keep(listing: Listing): Listing;
  /** Those that no ref matches. */
  unmatched(listing: Listing): readonly string[];
}

export function refPatterns(patterns: readonly string[] | undefined): RefPatterns {
  if (patterns === undefined) return { prefixes: undefined, keep: (listing) => listing, unmatched: () => [] };
  const tests = patterns.map((pattern) => ({ pattern, matches: matcher(pattern) }));
  const kept = (name: string) => tests.some(({ matches }) => matches(name));
  return {
    prefixes: ["HEAD", ...patterns.map((pattern) => latin1(pattern).replace(/[*?].*$/, ""))],
    keep(listing) {
      const refs = listing.refs.filter((ref) => kept(ref.name));
      const { target } = listing.head;
      const headKept = kept("HEAD") || (target !== undefined && kept(target));
      return { ...listing, refs, head: headKept ? listing.head : { oid: undefined, target: undefined } };
    },
    unmatched: (listing) => tests.filter(({ matches }) => !names(listing).some(matches)).map(({ pattern }) => pattern),
  };
}

function names({ refs, head }: Listing): readonly string[] {
  const all = refs.map((ref: Ref) => ref.name);
  return head.oid === undefined ? all : ["HEAD", ...all];
}

function matcher(pattern: string): (name: string) => boolean {
  const source = latin1(pattern)
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
