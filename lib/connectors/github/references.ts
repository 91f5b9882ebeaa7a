import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { isObject, type Json } from "./pages.ts";

/** The numbers of issues and pull requests, and those that comments, events and reviews belong to, as lines pass. Holds numbers only. */
export interface References {
  /** The lines of `kind` begin, once more perhaps. */
  begin(kind: Kind): void;
  note(kind: Kind, line: Line): void;
  /** Undefined for a kind that has none or has not passed. */
  of(kind: string): ReadonlySet<number> | undefined;
}

/** What something can belong to, and the kinds that do. */
export const REFERRING = {
  issues: ["issue_comments", "issue_events"],
  pulls: ["review_comments", "pull_reviews"],
} as const;
export type Target = keyof typeof REFERRING;
export const TARGETS = ["issues", "pulls"] as const satisfies readonly Target[];

const lastNumber = (url: unknown): number | undefined => {
  const digits = typeof url === "string" ? /\/(\d+)$/.exec(url)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
};
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** The number of the issue or pull request that a comment is on. */
export const issueOfComment = ({ issue_url: url }: Json): number | undefined => lastNumber(url);

const NUMBERS: Readonly<Record<string, (json: Json) => number | undefined>> = {
  issues: ({ number }) => numberOf(number),
  pulls: ({ number }) => numberOf(number),
  issue_comments: issueOfComment,
  issue_events: ({ issue, issue_number: own }) => numberOf(isObject(issue) ? issue.number : own),
  review_comments: ({ pull_request_url: url }) => lastNumber(url),
  pull_reviews: ({ of }) => numberOf(of),
};

/** Collects the number that each object of a kind has or belongs to; undefined for kinds that have none. */
export function numbering(kind: string): { note(json: Json): void; readonly all: ReadonlySet<number> } | undefined {
  const numberIn = NUMBERS[kind];
  if (numberIn === undefined) return undefined;
  const all = new Set<number>();
  return {
    all,
    note(json) {
      const number = numberIn(json);
      if (number !== undefined) all.add(number);
    },
  };
}

export function referencesOf(): References {
  const passed = new Map<string, ReturnType<typeof numbering>>();
  return {
    begin: ({ name }) => void passed.set(name, numbering(name)),
    note: ({ name }, { json }) => passed.get(name)?.note(json),
    of: (kind) => passed.get(kind)?.all,
  };
}
