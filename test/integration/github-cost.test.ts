import assert from "node:assert/strict";
import { test } from "node:test";
import { aGitFolder } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { answerGraphql } from "../support/github-graphql.ts";
import { addRepository, type RepositoryOptions } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { startGithub } from "../support/github-server.ts";

interface Cost {
  readonly first: number;
  readonly unchanged: number;
  /** Of an unchanged run, what GitHub counts. */
  readonly counted: number;
}

test("one repository more costs what docs/github.md says, and nothing that counts when it is unchanged", {
  skip: noGithubPeers,
}, async () => {
  assert.deepEqual(await ofOneMore({ issues: 0, pulls: 0 }), { first: 26, unchanged: 14, counted: 0 });
  assert.deepEqual(await ofOneMore({ issues: 3, pulls: 0 }), { first: 26, unchanged: 15, counted: 0 });
  const reviews = 4;
  assert.deepEqual(await ofOneMore({ issues: 3, pulls: 4 }), { first: 26 + reviews, unchanged: 16, counted: 0 });
});

test("lists of more than a hundred cost a request for each further hundred, one that is free, and one for the list", {
  skip: noGithubPeers,
}, async () => {
  const short = await costOf(1, { issues: 100, pulls: 0 });
  const long = await costOf(1, { issues: 201, pulls: 0 });
  const [issuesAndTheirComments, events] = [2, 1];
  assert.equal(long.first - short.first, issuesAndTheirComments * (2 + 2 + 1) + events * (2 + 2));
  assert.equal(long.unchanged, short.unchanged);
});

/** By what a second one adds, for each run asks for some things once. */
async function ofOneMore(options: RepositoryOptions): Promise<Cost> {
  const [one, two] = [await costOf(1, options), await costOf(2, options)];
  return { first: two.first - one.first, unchanged: two.unchanged - one.unchanged, counted: two.counted - one.counted };
}

async function costOf(repositories: number, options: RepositoryOptions): Promise<Cost> {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  answerGraphql(server);
  for (let n = 0; n < repositories; n += 1)
    await addRepository(server, `app-${n}`, { id: 42 + n, root: folder.path, commentsPerIssue: 1, ...options });
  const backup = githubBackup(server);
  const asked = async () => {
    server.requests.length = 0;
    const { status } = await backup.run();
    assert.equal(status, "ok");
    return [...server.requests];
  };
  const [first, unchanged] = [await asked(), await asked()];
  return {
    first: first.length,
    unchanged: unchanged.length,
    counted: unchanged.filter(({ status }) => status !== 304).length,
  };
}
