import type { GoingOn, Json, Page } from "../pages.ts";
import type { ProbeField } from "../probe-fields.ts";
import type { Session } from "../session.ts";

/** Whose data it is; each has units of its own. */
export type Subject = "repository" | "organization" | "user" | "gist";

/** A path of the API with `{owner}`, `{repo}`, `{org}`, `{username}` and, for children, their parent's `{name}`. */
export type Path = string;

/** A list that has no path, from its beginning or on after a wait. */
export type Pages = (session: Session, params: Readonly<Record<string, string>>, from?: GoingOn) => AsyncIterable<Page>;

/** How the children of one parent are read: a list, or one object. */
export interface Child {
  readonly path: Path;
  /** The name in the path that the parent's field stands for. */
  readonly param: string;
  readonly items?: string;
  readonly one?: boolean;
  /** Objects of the list have of their fields, another list, only those that are asked for: all of them. */
  readonly fields?: Path;
  /** Parents that can have none are not asked for. */
  readonly when?: (parent: Json) => boolean;
}

/** A list in each object of a list, which has a path of its own. */
export interface Inner {
  readonly field: string;
  readonly path: Path;
  /** The name in the path that the object's id stands for. */
  readonly param: string;
}

/** What can be had of each issue or pull request alone, where a list of all is cut off. */
export interface PerIssue {
  /** Issues by `updated_at` from the oldest on, taking `since`. */
  readonly over: Path;
  readonly path: Path;
  readonly param: string;
  /** One object instead of a list. */
  readonly one?: boolean;
  readonly when?: (issue: Json) => boolean;
}

export type Reading =
  /** One object, one line. */
  | { readonly how: "object"; readonly path: Path }
  /** A list that is read whole, or not at all when no page of it has changed. */
  | { readonly how: "list"; readonly path: Path; readonly items?: string; readonly inner?: Inner }
  /** A list with the newest first, by the field `by`: what is older than the last snapshot's newest is taken from there. */
  | {
      readonly how: "newest";
      readonly path: Path;
      readonly by: "updated_at" | "updatedAt" | "id";
      /** Where REST does not have it; `path` is then for people. */
      readonly pages?: Pages;
      /**
       * The same list in an order that does not move while it is read, for reading all of it: an object that is changed meanwhile
       * jumps to the front of the other, past what was read.
       */
      readonly whole?: Path | Pages;
      /** By `updated_at` from the oldest on, taking `since`: for lists that GitHub ends for their length. */
      readonly windows?: Path;
      /** Where those have no `since`: a question for each issue. */
      readonly each?: PerIssue;
    }
  /** A short list, and for each of its objects another question. A line has `of`, the parent, and `item` or `items`. */
  | {
      readonly how: "each";
      readonly over: Path;
      readonly overItems?: string;
      readonly field: string;
      readonly child: Child;
    }
  /** The same for each object of another kind, asked for only when that object has changed. */
  | {
      readonly how: "changed";
      readonly parent: string;
      readonly field: string;
      readonly child: Child;
      /** Children change without their parent's `updated_at` moving, so a full sweep asks for all of them. */
      readonly drifts?: boolean;
    };

/** One kind of metadata: a row of the tables in this folder, an artifact `name.jsonl`, a row of docs/github.md. */
export interface Kind {
  readonly name: string;
  readonly subject: Subject;
  readonly what: string;
  /** As the API names it: `issues:read`. Fine-grained tokens and Apps need it. */
  readonly permission: string;
  /** What a classic token needs for private repositories; empty for what everybody may read. */
  readonly scope: string;
  readonly byDefault: boolean;
  readonly reading: Reading;
  /** The field that tells one line from another. Default: `id`. */
  readonly key?: string;
  /** What a 404 means. Default: that we lack the right, for GitHub hides what one may not see. */
  readonly absent?: "DISABLED" | "FORBIDDEN";
  /** What of a GraphQL answer changes whenever the kind does, but for what only a sweep finds: equal to the last run's, nothing is asked. */
  readonly probe?: readonly ProbeField[];
  /** What of the repository as it is listed changes whenever the kind does, together with `probe`; undefined where the list does not say. */
  readonly listed?: (repository: Json) => unknown;
  /** Without any of these there is nothing of the kind, so that it is not asked for again. */
  readonly within?: readonly ProbeField[];
  /** True when the repository itself says that this is switched off, so that nothing is asked. */
  readonly off?: (repository: Json) => boolean;
}
