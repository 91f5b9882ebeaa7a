import assert from "node:assert/strict";
import { test } from "node:test";
import { commentCounts } from "../../../../lib/connectors/github/comment-counts.ts";
import { issueKinds } from "../../../../lib/connectors/github/kinds/issues.ts";

const kindOf = (name: string) => {
  const kind = issueKinds.find((one) => one.name === name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
};

test("issues of which comments are missing come in the order in which they changed, for only so many can be asked about", () => {
  const counts = commentCounts();
  const comments = kindOf("issue_comments");
  counts.begin(comments);
  counts.note(comments, { key: "1", json: { id: 1, issue_url: "https://api.github.com/repos/a/b/issues/3" } });
  const issues = kindOf("issues");
  counts.begin(issues);
  // As they are listed: who got a comment a moment ago comes first.
  for (const [number, count, updated] of [
    [9, 1, "2026-11-20T03:00:00Z"],
    [8, 2, "2026-11-20T02:59:00Z"],
    [3, 1, "2026-01-03T00:00:00Z"],
    [2, 4, "2025-12-31T23:00:00Z"],
    [1, 0, "2025-01-01T00:00:00Z"],
  ] as const)
    counts.note(issues, { key: `${number}`, json: { number, comments: count, updated_at: updated } });
  assert.deepEqual(
    counts.short()?.map(({ number, listed }) => [number, listed]),
    [
      [2, 0],
      [8, 0],
      [9, 0],
    ],
  );
});
