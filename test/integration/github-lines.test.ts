import assert from "node:assert/strict";
import { test } from "node:test";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";

test("a review that is gone from a pull request that stays is a tombstone after the full reading", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 2 });
  const review = (id: number) => ({ id, body: `review ${id}` });
  server.lists.set(`${path}/pulls/1/reviews`, [review(1), review(2)]);
  server.lists.set(`${path}/pulls/2/reviews`, [review(3)]);
  const backup = githubBackup(server, { skip: ["all"], include: ["pull_reviews"], full_every: "2d" });
  assert.equal((await backup.run()).status, "ok");
  server.lists.set(`${path}/pulls/1/reviews`, [review(2)]);
  server.lists.set(`${path}/pulls/2/reviews`, []);
  // Nothing of it touches a pull request, so a night in between does not see it.
  const second = await backup.run();
  assert.equal(await backup.stored(second, "my-org/app", "deleted"), undefined);
  const third = await backup.run();
  assert.deepEqual(
    (await backup.stored(third, "my-org/app", "deleted"))?.map(({ kind, key, of, last }) => [kind, key, of, last]),
    [
      ["pull_reviews", "1/1", 1, review(1)],
      ["pull_reviews", "2/3", 2, review(3)],
    ],
  );
  assert.deepEqual(
    (await backup.stored(third, "my-org/app", "pull_reviews"))?.map(({ items }) => items),
    [[review(2)]],
  );
  const fourth = await backup.run();
  assert.equal((await backup.stored(fourth, "my-org/app", "deleted"))?.length, 2);
});

test("a comment that an issue has and the list of all left out is a hole; one that was made meanwhile is none", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 0, commentsPerIssue: 2 });
  const issues = server.lists.get(`${path}/issues`) ?? [];
  server.lists.set(
    `${path}/issues`,
    issues.map((issue) => ({ ...issue, comments: issue.number === 2 ? 3 : 2 })),
  );
  const comments = (server.lists.get(`${path}/issues/comments`) ?? []).filter(({ issue_url: url }) =>
    String(url).endsWith("/issues/2"),
  );
  const late = { id: 99, body: "late", created_at: "2027-01-01T00:00:00Z" };
  server.lists.set(`${path}/issues/2/comments`, [...comments, late]);
  const options = { skip: ["all"], include: ["issues", "issue_comments"] };
  const fine = await githubBackup(server, options).run();
  assert.equal(fine.status, "ok", fine.manifest?.units[0]?.error?.message);
  server.lists.set(`${path}/issues/2/comments`, [...comments, { ...late, created_at: at(25) }]);
  const hole = (await githubBackup(server, options).run()).manifest?.units[0];
  assert.equal(hole?.error?.code, "SOURCE_INCOMPLETE");
  assert.match(hole?.error?.message ?? "", /issue_comments: GitHub has 3 comments on number 2, and listed 2/);
});
