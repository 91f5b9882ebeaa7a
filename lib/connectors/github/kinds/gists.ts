import type { Kind } from "./kind.ts";

/** A user's gists, each a unit of its own. */
export const gistKinds: readonly Kind[] = [
  {
    name: "gist",
    subject: "gist",
    what: "The gist: description, files, forks. Secret ones are listed to their owner's own token alone",
    permission: "metadata:read",
    scope: "gist",
    byDefault: true,
    reading: { how: "object", path: "/gists/{gist_id}" },
  },
  {
    name: "gist_comments",
    subject: "gist",
    what: "Comments on the gist",
    permission: "metadata:read",
    scope: "gist",
    byDefault: true,
    reading: { how: "list", path: "/gists/{gist_id}/comments?per_page=100" },
  },
];
