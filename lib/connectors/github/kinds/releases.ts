import type { Kind } from "./kind.ts";

export const releaseKinds: readonly Kind[] = [
  {
    name: "releases",
    subject: "repository",
    what: "Releases, drafts too where the token may write, with the list of their assets",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
    probe: ["releases"],
    reading: { how: "list", path: "/repos/{owner}/{repo}/releases?per_page=100" },
  },
];
