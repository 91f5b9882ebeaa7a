import type { Kind } from "./kind.ts";

/** What is stored as it is, not as JSON Lines. */
export type Content = Pick<Kind, "name" | "subject" | "what" | "permission" | "scope" | "byDefault">;

export const contents: readonly Content[] = [
  {
    name: "git",
    subject: "repository",
    what: "Every ref that the server shows, `refs/pull/*/head` included, as a git bundle",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
  {
    name: "wiki",
    subject: "repository",
    what: "The wiki, as a git bundle",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
  {
    name: "lfs",
    subject: "repository",
    what: "LFS objects that any ref points at, each a file; needs git",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
  {
    name: "assets",
    subject: "repository",
    what: "Files attached to releases",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
];
