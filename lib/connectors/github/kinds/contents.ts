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
  {
    name: "attachments",
    subject: "repository",
    what: "Images and files that the texts show, each a file, as far as those texts are stored",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
  {
    name: "submodules",
    subject: "repository",
    what: "Names, paths and URLs of the default branch's submodules, whose own content is in no bundle; needs git",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
  },
  {
    name: "gist_git",
    subject: "gist",
    what: "The gist's history, as a git bundle",
    permission: "metadata:read",
    scope: "gist",
    byDefault: true,
  },
  {
    name: "gists_starred",
    subject: "gist",
    what: "Gists with the user's star, in the same way. Listed to the user's own token alone",
    permission: "metadata:read",
    scope: "gist",
    byDefault: false,
  },
];
