import type { Kind } from "./kind.ts";
import { reactionsTo } from "./reactions.ts";

export const releaseKinds: readonly Kind[] = [
  {
    name: "releases",
    subject: "repository",
    what: "Releases, drafts too where the token may write, with the list of their assets",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
    probe: ["releases"],
    reading: {
      how: "list",
      path: "/repos/{owner}/{repo}/releases?per_page=100",
      inner: {
        field: "assets",
        path: "/repos/{owner}/{repo}/releases/{release_id}/assets?per_page=100",
        param: "release_id",
      },
    },
  },
  reactionsTo({
    name: "release_reactions",
    what: "release",
    parent: "releases",
    permission: "contents:read",
    path: "releases/{release_id}",
  }),
];
