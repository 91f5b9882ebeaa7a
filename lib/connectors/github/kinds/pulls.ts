import { ISSUES_FROM_THE_OLDEST } from "./issues.ts";
import type { Kind } from "./kind.ts";
import { reactionsTo } from "./reactions.ts";

const perPull = (what: "reviews" | "commits" | "files") => ({
  path: `/repos/{owner}/{repo}/pulls/{pull_number}/${what}?per_page=100`,
  param: "pull_number",
});

/** Pull requests. Their conversation is in issue_comments, their commits are in the bundle as refs/pull/N/head. */
export const pullKinds: readonly Kind[] = [
  {
    name: "review_comments",
    subject: "repository",
    what: "Comments on lines of pull requests",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: true,
    within: ["pullRequests"],
    reading: {
      how: "newest",
      path: "/repos/{owner}/{repo}/pulls/comments?sort=updated&direction=desc&per_page=100",
      by: "updated_at",
      whole: "/repos/{owner}/{repo}/pulls/comments?sort=created&direction=asc&per_page=100",
      windows: "/repos/{owner}/{repo}/pulls/comments?sort=updated&direction=asc&per_page=100",
    },
  },
  reactionsTo({
    name: "review_comment_reactions",
    what: "comment on a line of a pull request",
    parent: "review_comments",
    permission: "pull_requests:read",
    path: "pulls/comments/{comment_id}",
  }),
  {
    name: "pulls",
    subject: "repository",
    what: "Pull requests",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: true,
    absent: "DISABLED",
    probe: ["pullRequests"],
    reading: {
      how: "newest",
      path: "/repos/{owner}/{repo}/pulls?state=all&sort=updated&direction=desc&per_page=100",
      by: "updated_at",
      whole: "/repos/{owner}/{repo}/pulls?state=all&sort=created&direction=asc&per_page=100",
      each: {
        over: ISSUES_FROM_THE_OLDEST,
        path: "/repos/{owner}/{repo}/pulls/{pull_number}",
        param: "pull_number",
        one: true,
        when: (issue) => "pull_request" in issue,
      },
    },
  },
  {
    name: "pull_reviews",
    subject: "repository",
    what: "Reviews of each pull request. One request for each pull request that changed",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: true,
    // An edited or vanished review does not touch its pull request.
    reading: { how: "changed", parent: "pulls", field: "number", drifts: true, child: perPull("reviews") },
  },
  {
    name: "pull_details",
    subject: "repository",
    what: "Each pull request by itself: who merged it, sizes, mergeability. One request for each",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: false,
    reading: {
      how: "changed",
      parent: "pulls",
      field: "number",
      child: { path: "/repos/{owner}/{repo}/pulls/{pull_number}", param: "pull_number", one: true },
    },
  },
  {
    name: "pull_commits",
    subject: "repository",
    what: "Commits of each pull request as GitHub lists them (250 at most). One request for each",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: false,
    reading: { how: "changed", parent: "pulls", field: "number", child: perPull("commits") },
  },
  {
    name: "pull_files",
    subject: "repository",
    what: "Files that each pull request changes (3,000 at most). One request for each",
    permission: "pull_requests:read",
    scope: "repo",
    byDefault: false,
    reading: { how: "changed", parent: "pulls", field: "number", child: perPull("files") },
  },
  {
    name: "commit_comments",
    subject: "repository",
    what: "Comments on commits",
    permission: "contents:read",
    scope: "repo",
    byDefault: true,
    probe: ["commitComments"],
    reading: { how: "list", path: "/repos/{owner}/{repo}/comments?per_page=100" },
  },
  reactionsTo({
    name: "commit_comment_reactions",
    what: "comment on a commit",
    parent: "commit_comments",
    permission: "contents:read",
    path: "comments/{comment_id}",
  }),
];
