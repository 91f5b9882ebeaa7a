import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { issueOfComment } from "./references.ts";

/** How many comments each issue says that it has, and how many of them were listed, as lines pass. Holds numbers and moments only. */
export interface CommentCounts {
  begin(kind: Kind): void;
  note(kind: Kind, line: Line): void;
  /** By issue, in numbers: what its comments come to, or what it says. */
  noted(kind: string): number[][];
  restore(kind: Kind, noted: readonly (readonly number[])[]): void;
  /** Its lines did not pass after all. */
  forget(kind: Kind): void;
  has(kind: string): boolean;
  /** Issues of which fewer comments were listed than they have, what changed last at the end; undefined where either kind has not passed. */
  short(): readonly { readonly number: number; readonly listed: number }[] | undefined;
}

export function commentCounts(): CommentCounts {
  const listed = new Map<number, number>();
  const told = new Map<number, { readonly count: number; readonly changedAt: number }>();
  const begun = new Set<string>();
  return {
    begin({ name }) {
      begun.add(name);
      if (name === "issue_comments") listed.clear();
      if (name === "issues") told.clear();
    },
    note({ name }, { json }) {
      const number = name === "issue_comments" ? issueOfComment(json) : json.number;
      if (typeof number !== "number") return;
      if (name === "issue_comments") listed.set(number, (listed.get(number) ?? 0) + 1);
      if (name === "issues" && typeof json.comments === "number" && json.comments > 0)
        told.set(number, { count: json.comments, changedAt: Date.parse(String(json.updated_at)) });
    },
    noted(name) {
      if (name === "issue_comments") return [...listed].map(([number, count]) => [number, count]);
      return name === "issues" ? [...told].map(([number, { count, changedAt }]) => [number, count, changedAt]) : [];
    },
    restore({ name }, noted) {
      for (const [number = 0, count = 0, changedAt = 0] of noted) {
        if (name === "issue_comments") listed.set(number, count);
        else told.set(number, { count, changedAt });
      }
    },
    forget: ({ name }) => void begun.delete(name),
    has: (kind) => begun.has(kind),
    short() {
      if (!begun.has("issue_comments") || !begun.has("issues")) return undefined;
      return [...told]
        .map(([number, { count, changedAt }]) => ({ number, count, changedAt, listed: listed.get(number) ?? 0 }))
        .filter((one) => one.listed < one.count)
        .toSorted((a, b) => a.changedAt - b.changedAt);
    },
  };
}
