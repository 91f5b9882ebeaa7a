import { discussionPages } from "../discussion-pages.ts";
import type { Kind } from "./kind.ts";

export const discussionKinds: readonly Kind[] = [
  {
    name: "discussions",
    subject: "repository",
    what: "Discussions with their comments, replies, polls and answers. Five points of GraphQL's own limit for each 25 that changed",
    permission: "discussions:read",
    scope: "repo",
    byDefault: true,
    off: ({ has_discussions: has }) => has !== true,
    probe: ["discussions"],
    reading: {
      how: "newest",
      path: "/graphql: repository.discussions",
      by: "updatedAt",
      pages: discussionPages("changed last first"),
      whole: discussionPages("oldest first"),
    },
  },
];
