import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { isObject, type Json } from "./pages.ts";

/** The issues and pull requests that comments, events and reviews belong to, as lines pass. Holds numbers only. */
export interface References {
  /** The lines of `kind` begin, once more perhaps. */
  begin(kind: Kind): void;
  note(kind: Kind, line: Line): void;
  /** Numbers that something belongs to, by the kind that must have them: undefined where none of it has passed. */
  wanted(target: Target): ReadonlySet<number> | undefined;
  /** The kind's own numbers; undefined where it has not passed. */
  held(target: Target): ReadonlySet<number> | undefined;
}

export type Target = "issues" | "pulls";

const lastNumber = (url: unknown): number | undefined => {
  const digits = typeof url === "string" ? /\/(\d+)$/.exec(url)?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
};
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** The number of the issue or pull request that a comment is on. */
export const issueOfComment = ({ issue_url: url }: Json): number | undefined => lastNumber(url);

const BELONGS: Readonly<Record<string, { readonly to: Target; readonly by: (json: Json) => number | undefined }>> = {
  issue_comments: { to: "issues", by: issueOfComment },
  issue_events: { to: "issues", by: ({ issue }) => (isObject(issue) ? numberOf(issue.number) : undefined) },
  review_comments: { to: "pulls", by: ({ pull_request_url: url }) => lastNumber(url) },
  pull_reviews: { to: "pulls", by: ({ of }) => numberOf(of) },
};

export function referencesOf(): References {
  const wanted = new Map<string, Set<number>>();
  const held = new Map<string, Set<number>>();
  return {
    begin({ name }) {
      if (name in BELONGS) wanted.set(name, new Set());
      if (name === "issues" || name === "pulls") held.set(name, new Set());
    },
    note({ name }, { json }) {
      const number = BELONGS[name]?.by(json);
      if (number !== undefined) wanted.get(name)?.add(number);
      if (typeof json.number === "number") held.get(name)?.add(json.number);
    },
    wanted(target) {
      const sets = [...wanted].filter(([name]) => BELONGS[name]?.to === target).map(([, numbers]) => numbers);
      return sets.length === 0 ? undefined : new Set(sets.flatMap((numbers) => [...numbers]));
    },
    held: (target) => held.get(target),
  };
}
