import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { JobResult } from "../../lib/run.ts";
import { aGitFolder, aRepository, fastImport } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { type GithubServer, startGithub } from "../support/github-server.ts";

async function addGist(server: GithubServer, root: string, id: string, owner: string, rest: object = {}) {
  const object = { id, owner: { login: owner }, git_pull_url: `${server.webUrl}/gist/${id}.git`, files: {}, ...rest };
  server.objects.set(`/gists/${id}`, object);
  server.lists.set(`/gists/${id}/comments`, [{ id: 1, body: "nice" }]);
  await mkdir(join(root, "gist"), { recursive: true });
  await aRepository(join(root, "gist"), { name: `${id}.git`, commits: 3 });
  return object;
}

async function aWorld() {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  server.objects.set("/user", { id: 9, login: "octocat" });
  server.lists.set("/user/repos", []);
  server.lists.set("/gists", [
    await addGist(server, folder.path, "aa11", "octocat"),
    await addGist(server, folder.path, "bb22", "octocat"),
  ]);
  return {
    server,
    root: folder.path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const OPTIONS = { organization: undefined, user: "octocat", skip: ["user"] };
const unitsOf = (result: JobResult) => result.manifest?.units.map(({ id, status }) => `${id} ${status}`);

test("a user's gists are units with their history and comments; one that did not change is unchanged", async () => {
  await using world = await aWorld();
  const { server, root } = world;
  const backup = githubBackup(server, OPTIONS);
  const first = await backup.run();
  assert.deepEqual(unitsOf(first), ["octocat/gists/aa11 ok", "octocat/gists/bb22 ok"]);
  const unit = first.manifest?.units[0];
  assert.equal(unit?.identity, "gist:aa11");
  assert.deepEqual(
    unit?.artifacts.map(({ path }) => path.split("/").at(-1)),
    ["gist.jsonl.zst", "gist.bundle", "gist_comments.jsonl.zst", "collected.json.zst"],
  );
  assert.ok(first.verification?.artifacts.find(({ path }) => path.endsWith("gist.bundle"))?.proof?.detail);
  await fastImport(join(root, "gist/bb22.git"), [
    "commit refs/heads/new\ncommitter A <a@example.com> 99 +0000\ndata 1\nx\n",
  ]);
  assert.deepEqual(unitsOf(await backup.run()), ["octocat/gists/aa11 unchanged", "octocat/gists/bb22 ok"]);
});

test("gists with a star come on demand, and fail where GitHub shows them to somebody else only", async () => {
  await using world = await aWorld();
  const { server, root } = world;
  server.lists.set("/gists/starred", [await addGist(server, root, "cc33", "ada")]);
  const options = { ...OPTIONS, include: ["gists_starred"] };
  assert.deepEqual(unitsOf(await githubBackup(server, options).run()), [
    "octocat/gists/aa11 ok",
    "octocat/gists/bb22 ok",
    "ada/gists/cc33 ok",
  ]);
  server.objects.set("/user", { id: 8, login: "other" });
  server.lists.set("/users/octocat/repos", []);
  server.lists.set("/users/octocat/gists", []);
  const result = await githubBackup(server, options).run();
  assert.deepEqual(unitsOf(result), ["octocat/gists failed"]);
  assert.equal(result.manifest?.units[0]?.error?.code, "SOURCE_NOT_FOUND");
});

test("a gist whose git would be at another host gets no token there", async () => {
  await using world = await aWorld();
  const { server, root } = world;
  server.lists.set("/gists", [
    await addGist(server, root, "dd44", "octocat", { git_pull_url: "http://evil.example/dd44.git" }),
  ]);
  const result = await githubBackup(server, OPTIONS).run();
  assert.equal(result.manifest?.units[0]?.error?.code, "SOURCE_REDIRECTED");
});
