import type { Json } from "../pages.ts";
import { counted } from "./counted.ts";
import type { Kind } from "./kind.ts";
import { reactionsTo } from "./reactions.ts";

/** What takes `since`. */
export const ISSUES_FROM_THE_OLDEST = "/repos/{owner}/{repo}/issues?state=all&sort=updated&direction=asc&per_page=100";

const noIssues = ({ has_issues: has }: Json): boolean => has === false;

/** Issues and what hangs on them. Comments come first, so that each one's issue is there when issues are listed. */
export const issueKinds: readonly Kind[] = [
  {
    name: "labels",
    subject: "repository",
    what: "Labels",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    probe: ["labels"],
    reading: { how: "list", path: "/repos/{owner}/{repo}/labels?per_page=100" },
  },
  {
    name: "milestones",
    subject: "repository",
    what: "Milestones, closed ones too",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    probe: ["milestones", "issues", "pullRequests"],
    reading: { how: "list", path: "/repos/{owner}/{repo}/milestones?state=all&per_page=100" },
  },
  {
    name: "issue_comments",
    subject: "repository",
    what: "Comments on issues, and the conversation of pull requests",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    // Who writes or edits a comment touches its issue: seen in what GitHub sends of an edit, and promised nowhere (docs/github.md).
    // https://github.com/octokit/webhooks/blob/main/payload-examples/api.github.com/issue_comment/edited.payload.json
    probe: ["issues", "pullRequests"],
    reading: {
      how: "newest",
      path: "/repos/{owner}/{repo}/issues/comments?sort=updated&direction=desc&per_page=100",
      by: "updated_at",
      whole: "/repos/{owner}/{repo}/issues/comments?sort=created&direction=asc&per_page=100",
      windows: "/repos/{owner}/{repo}/issues/comments?sort=updated&direction=asc&per_page=100",
    },
  },
  reactionsTo({
    name: "issue_comment_reactions",
    what: "comment on an issue or pull request",
    parent: "issue_comments",
    permission: "issues:read",
    path: "issues/comments/{comment_id}",
  }),
  {
    name: "issue_events",
    subject: "repository",
    what: "Events of issues and pull requests: closed, labeled, assigned, referenced",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    // Not every event touches its issue, so the issues' own change tells nothing.
    within: ["issues", "pullRequests"],
    reading: {
      how: "newest",
      path: "/repos/{owner}/{repo}/issues/events?per_page=100",
      by: "id",
      each: {
        over: ISSUES_FROM_THE_OLDEST,
        path: "/repos/{owner}/{repo}/issues/{issue_number}/events?per_page=100",
        param: "issue_number",
      },
    },
  },
  {
    name: "issues",
    subject: "repository",
    what: "Issues, and pull requests as issues (these have the field `pull_request`)",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    off: noIssues,
    probe: ["issues", "pullRequests"],
    reading: {
      how: "newest",
      path: "/repos/{owner}/{repo}/issues?state=all&sort=updated&direction=desc&per_page=100",
      by: "updated_at",
      whole: "/repos/{owner}/{repo}/issues?state=all&sort=created&direction=asc&per_page=100",
      windows: ISSUES_FROM_THE_OLDEST,
    },
  },
  {
    name: "issue_timeline",
    subject: "repository",
    what: "Timeline of each issue, cross-references included. One request for each issue",
    permission: "issues:read",
    scope: "repo",
    byDefault: false,
    off: noIssues,
    reading: {
      how: "changed",
      parent: "issues",
      field: "number",
      drifts: true,
      child: { path: "/repos/{owner}/{repo}/issues/{issue_number}/timeline?per_page=100", param: "issue_number" },
    },
  },
  reactionsTo({
    name: "issue_reactions",
    what: "issue",
    parent: "issues",
    permission: "issues:read",
    path: "issues/{issue_number}",
    field: "number",
    off: noIssues,
  }),
  {
    name: "sub_issues",
    subject: "repository",
    what: "Sub-issues of each issue that has any",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    off: noIssues,
    absent: "DISABLED",
    reading: {
      how: "changed",
      parent: "issues",
      field: "number",
      drifts: true,
      child: {
        path: "/repos/{owner}/{repo}/issues/{issue_number}/sub_issues?per_page=100",
        param: "issue_number",
        when: (issue) => (counted(issue, "sub_issues_summary", "total") ?? 0) > 0,
      },
    },
  },
  {
    name: "issue_dependencies",
    subject: "repository",
    what: "What blocks each issue that is blocked",
    permission: "issues:read",
    scope: "repo",
    byDefault: true,
    off: noIssues,
    absent: "DISABLED",
    reading: {
      how: "changed",
      parent: "issues",
      field: "number",
      drifts: true,
      child: {
        path: "/repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by?per_page=100",
        param: "issue_number",
        when: (issue) => (counted(issue, "issue_dependencies_summary", "total_blocked_by") ?? 0) > 0,
      },
    },
  },
];
