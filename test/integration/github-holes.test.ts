import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobResult } from "../../lib/run.ts";
import { type GithubBackup, githubBackup, storedParts } from "../support/github-backup.ts";
import { answerGraphql } from "../support/github-graphql.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";
import { runWithin } from "../support/run-within.ts";

const KINDS = ["issues", "issue_comments", "issue_comment_reactions"];
const OPTIONS = { skip: ["all"], include: KINDS };
const listOf = (server: GithubServer, path: string): Json[] => server.lists.get(path) ?? [];
const unitOf = (result: JobResult) => result.manifest?.units[0];

async function idsOf(backup: GithubBackup, result: JobResult, kind: string): Promise<readonly number[]> {
  return ((await backup.stored(result, "my-org/app", kind)) ?? [])
    .map(({ id }) => Number(id))
    .toSorted((a, b) => a - b);
}

/** Issues that say how many comments they have, and each one's own list. */
async function aWorld(commentsPerIssue: number) {
  const server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 0, commentsPerIssue });
  const quiet = { reactions: { total_count: 0 } };
  server.lists.set(
    `${path}/issues/comments`,
    listOf(server, `${path}/issues/comments`).map((comment, n) => ({ ...comment, ...quiet, id: 1000 + n })),
  );
  for (const comment of listOf(server, `${path}/issues/comments`)) {
    const own = `${String(comment.issue_url).slice(server.apiUrl.length)}/comments`;
    server.lists.set(own, [...listOf(server, own), comment]);
  }
  server.lists.set(
    `${path}/issues`,
    listOf(server, `${path}/issues`).map((issue) => ({ ...issue, comments: commentsPerIssue })),
  );
  return { server, path, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Another repository's issue with what was written to it long before the newest comment here. Its transfer is new; `updatedAt` when it says so. */
function transferHere(server: GithubServer, path: string, updatedAt: string): readonly number[] {
  const first = listOf(server, `${path}/issues`)[0];
  const old = [1, 2].map((id) => ({
    id,
    body: "from elsewhere",
    issue_url: `${server.apiUrl}${path}/issues/4`,
    created_at: at(id),
    updated_at: at(id),
    reactions: { total_count: 1 },
  }));
  listOf(server, `${path}/issues`).push({ ...first, id: 42_004, number: 4, comments: 2, updated_at: updatedAt });
  listOf(server, `${path}/issues/comments`).push(...old);
  server.lists.set(`${path}/issues/4/comments`, old);
  for (const { id } of old) server.lists.set(`${path}/issues/comments/${id}/reactions`, [{ id, content: "heart" }]);
  return old.map(({ id }) => id);
}

/** How many times a list of several pages was read to its end. */
const wholeReadings = ({ requests }: GithubServer, path: string): number =>
  requests.filter(
    (one) => one.path === path && one.status === 200 && one.query.get("sort") === "created" && !one.query.has("page"),
  ).length;

for (const [many, commentsPerIssue] of [
  ["on the only page of comments", 2],
  ["behind a first page that is as it was", 40],
] as const)
  test(`old comments of an issue that was transferred here are in the next snapshot, ${many}`, async () => {
    await using world = await aWorld(commentsPerIssue);
    const { server, path } = world;
    const backup = githubBackup(server, OPTIONS);
    const first = await backup.run();
    assert.equal(first.status, "ok", unitOf(first)?.error?.message);
    const before = await idsOf(backup, first, "issue_comments");
    assert.equal(before.length, 3 * commentsPerIssue);
    const moved = transferHere(server, path, at(90_000));
    const second = await backup.run();
    assert.equal(second.status, "ok", unitOf(second)?.error?.message);
    assert.deepEqual(await idsOf(backup, second, "issue_comments"), [...moved, ...before]);
    const reactions = await backup.stored(second, "my-org/app", "issue_comment_reactions");
    assert.deepEqual(
      reactions?.map(({ of }) => of),
      moved,
      "what hangs on them, too",
    );
    const names = unitOf(second)?.artifacts.map((artifact) => artifact.path);
    assert.equal(new Set(names).size, names?.length, "each artifact once");
    assert.equal(await backup.stored(second, "my-org/app", "deleted"), undefined);
    server.requests.length = 0;
    assert.equal(unitOf(await backup.run())?.status, "unchanged");
    assert.equal(wholeReadings(server, `${path}/issues/comments`), 0);
  });

test("a hole that is still there when all comments were read once more fails, and is looked for once a run", async () => {
  await using world = await aWorld(40);
  const { server, path } = world;
  const backup = githubBackup(server, OPTIONS);
  assert.equal((await backup.run()).status, "ok");
  const moved = transferHere(server, path, at(90_000));
  const comments = `${path}/issues/comments`;
  server.lists.set(
    comments,
    listOf(server, comments).filter(({ id }) => !moved.includes(Number(id))),
  );
  server.requests.length = 0;
  const result = await backup.run();
  assert.equal(unitOf(result)?.error?.code, "SOURCE_INCOMPLETE");
  assert.match(unitOf(result)?.error?.message ?? "", /GitHub has 2 comments on number 4, and listed 0/);
  assert.equal(wholeReadings(server, comments), 1);
});

test("an issue that came with its old date is found by its comment's number, or by GitHub's count of issues", {
  skip: noGithubPeers,
}, async () => {
  for (const counts of [true, false]) {
    await using world = await aWorld(40);
    const { server, path } = world;
    if (counts) answerGraphql(server);
    const backup = githubBackup(server, OPTIONS);
    assert.equal((await backup.run()).status, "ok");
    transferHere(server, path, at(3));
    listOf(server, `${path}/issues/comments`).push({
      id: 99,
      issue_url: `${server.apiUrl}${path}/issues/4`,
      created_at: at(90_000),
      updated_at: at(90_000),
      reactions: { total_count: 0 },
    });
    // Something else is new, so that its list is asked for.
    const issues = listOf(server, `${path}/issues`);
    issues[0] = { ...issues[0], updated_at: at(90_000) };
    server.objects.set(`${path}/issues/4`, issues.at(-1) ?? {});
    const second = await backup.run();
    assert.equal(second.status, "ok", unitOf(second)?.error?.message);
    assert.equal((await idsOf(backup, second, "issues")).at(-1), 42_004);
    assert.deepEqual((await idsOf(backup, second, "issue_comments")).slice(0, 3), [1, 2, 99]);
  }
});

test("a list that GitHub counts more of than it shows says nothing of what is gone, nor does what hangs on it", {
  skip: noGithubPeers,
}, async () => {
  await using world = await aWorld(0);
  const { server, path } = world;
  const issues = listOf(server, `${path}/issues`).map((issue): Json => ({ ...issue, reactions: { total_count: 1 } }));
  server.lists.set(`${path}/issues`, issues);
  for (const { number } of issues)
    server.lists.set(`${path}/issues/${number}/reactions`, [{ id: Number(number), content: "heart" }]);
  answerGraphql(server);
  const options = { skip: ["all"], include: ["issues", "issue_reactions"], full_every: "1h" };
  const backup = githubBackup(server, options);
  assert.equal((await backup.run()).status, "ok");
  const answer = server.graphql;
  server.graphql = async (body) => {
    server.lists.set(`${path}/issues`, issues);
    const reply = await answer?.(body);
    server.lists.set(`${path}/issues`, issues.slice(0, 2));
    return reply ?? { status: 500 };
  };
  const result = await backup.run();
  assert.match(unitOf(result)?.error?.message ?? "", /issues: GitHub lists 2 of the 3 issues that it counts/);
  assert.equal(await backup.stored(result, "my-org/app", "deleted"), undefined);
  const reactions = await backup.stored(result, "my-org/app", "issue_reactions");
  assert.deepEqual(reactions?.map(({ of }) => of).toSorted(), [1, 2, 3]);
});

/** All parts of what hangs on comments: of which comment each line is. */
async function reactedTo(
  backup: GithubBackup,
  result: Parameters<GithubBackup["stored"]>[0],
): Promise<readonly number[]> {
  const stored = await storedParts(backup, result, "my-org/app", "issue_comment_reactions");
  return stored.map(({ of }) => Number(of)).toSorted((a, b) => a - b);
}

function react(server: GithubServer, path: string): readonly number[] {
  const comments = listOf(server, `${path}/issues/comments`).map((one) => ({ ...one, reactions: { total_count: 1 } }));
  server.lists.set(`${path}/issues/comments`, comments);
  const ids = comments.map((one) => Number(Object(one).id));
  for (const id of ids) server.lists.set(`${path}/issues/comments/${id}/reactions`, [{ id, content: "heart" }]);
  return ids;
}

test("what hangs on a list that has to be read again after a wait is begun anew, in all of its parts", async () => {
  for (const [hoursBefore, perHour] of [
    [1, 14],
    [2, 16],
  ] as const) {
    await using world = await aWorld(10);
    const { server, path } = world;
    const ids = react(server, path);
    const backup = githubBackup(server, OPTIONS);
    let moved: readonly number[] = [];
    let hour = 0;
    const result = await runWithin(backup, server, perHour, () => {
      hour += 1;
      if (hour === hoursBefore) moved = transferHere(server, path, at(90_000));
    });
    assert.ok(moved.length === 2 && result.hours > 4, `${result.hours} hours`);
    assert.equal((await backup.stored(result, "my-org/app", "issue_comments"))?.length, 32);
    assert.deepEqual(await reactedTo(backup, result), [...moved, ...ids]);
    const names = result.manifest.units[0]?.artifacts.map((artifact) => artifact.path);
    assert.equal(new Set(names).size, names?.length, "each artifact once");
    assert.equal((await backup.run()).status, "ok");
  }
});

test("a hole that stays is looked for once a run, however often that waits", async () => {
  await using world = await aWorld(10);
  const { server, path } = world;
  react(server, path);
  const backup = githubBackup(server, OPTIONS);
  let isFirst = true;
  const run = runWithin(backup, server, 14, () => {
    if (!isFirst) return;
    isFirst = false;
    const comments = listOf(server, `${path}/issues/comments`);
    transferHere(server, path, at(90_000));
    server.lists.set(`${path}/issues/comments`, comments.slice(0, 30));
  });
  await assert.rejects(run, /GitHub has 2 comments on number 4, and listed 0/);
});

test("what is missing from a list with a hole is not said to be gone, nor what hangs on it", async () => {
  await using world = await aWorld(2);
  const { server, path } = world;
  react(server, path);
  const backup = githubBackup(server, { ...OPTIONS, full_every: "1h" });
  assert.equal((await backup.run()).status, "ok");
  server.lists.set(`${path}/issues/comments`, listOf(server, `${path}/issues/comments`).slice(2));
  const result = await backup.run();
  assert.match(unitOf(result)?.error?.message ?? "", /GitHub has 2 comments on number 1, and listed 0/);
  assert.equal(await backup.stored(result, "my-org/app", "deleted"), undefined);
});

for (const isBefore of [false, true]) {
  const when = isBefore ? "could not be read before" : "cannot be read any more";
  test(`what hangs on a list that was read again and ${when} is told of itself, and once`, async () => {
    await using world = await aWorld(2);
    const { server, path } = world;
    react(server, path);
    const backup = githubBackup(server, OPTIONS);
    assert.equal((await backup.run()).status, "ok");
    // Its reaction is gone, which is asked for before the hole is found.
    const comments = listOf(server, `${path}/issues/comments`);
    comments[0] = { ...comments[0], updated_at: at(80_000) };
    server.lists.set(`${path}/issues/comments/1000/reactions`, []);
    const [moved] = transferHere(server, path, at(90_000));
    const refused = `/comments/${isBefore ? 1000 : moved}/reactions`;
    server.fault = (one) => (one.endsWith(refused) ? { status: 403, headers: {}, body: { message: "no" } } : undefined);
    const result = await backup.run();
    const message = unitOf(result)?.error?.message ?? "";
    assert.match(message, /^issue_comment_reactions: was read in snapshot [^;]*cannot be read now[^;]*$/);
    assert.equal((await idsOf(backup, result, "issue_comments")).length, 8);
    assert.equal(await backup.stored(result, "my-org/app", "deleted"), undefined);
  });
}
