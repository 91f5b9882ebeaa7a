import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { github } from "../../lib/connectors/github/github.ts";
import { packed } from "../../lib/connectors/github/number-facts.ts";
import { restore } from "../../lib/restore/restore.ts";
import type { JobResult } from "../../lib/run.ts";
import { contentsOf } from "../support/a-backup.ts";
import { aGitFolder, fastImport, gitSync, showRef } from "../support/git-repository.ts";
import { startWitness } from "../support/git-server.ts";
import { githubBackup } from "../support/github-backup.ts";
import { answerGraphql } from "../support/github-graphql.ts";
import { addRepository, at, type RepositoryOptions } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

type World = AsyncDisposable & { readonly server: GithubServer; readonly root: string; readonly path: string };

/** An organization of one repository with issues, and git only where it is asked for. */
async function aWorld(options: RepositoryOptions & { readonly git?: boolean } = {}): Promise<World> {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  const { git = false, ...rest } = options;
  const path = await addRepository(server, "app", { id: 42, ...rest, ...(git ? { root: folder.path } : {}) });
  return {
    server,
    root: folder.path,
    path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const WITHOUT_GIT = { skip: ["git", "wiki", "lfs", "assets"] };
const unitOf = (result: JobResult, id = "my-org/app") => result.manifest?.units.find((unit) => unit.id === id);
const statesOf = (result: JobResult, id = "my-org/app"): Readonly<Record<string, string>> => ({
  ...Object(unitOf(result, id)?.artifacts.find(({ path }) => path.includes("collected.json"))?.facts.states),
});
const listOf = (server: GithubServer, path: string): Json[] => server.lists.get(path) ?? [];
const ids = (items: readonly Json[] | undefined) => (items ?? []).map(({ id }) => Number(id)).sort((a, b) => a - b);

describe("a whole organization", () => {
  test("is stored so that git and counts agree with the source, and restores", async () => {
    await using world = await aWorld({ git: true, issues: 250, commentsPerIssue: 2, pulls: 3 });
    const { server, root, path } = world;
    await addRepository(server, "my-org.github.io", { id: 43, root, object: { has_wiki: true } });
    gitSync(root, ["clone", "--quiet", "--mirror", "my-org/app.git", "my-org/my-org.github.io.wiki.git"]);
    const backup = githubBackup(server);
    const result = await backup.run();
    assert.equal(result.status, "ok");
    assert.deepEqual(ids(await backup.stored(result, "my-org/app", "issues")), ids(listOf(server, `${path}/issues`)));
    assert.deepEqual(
      ids(await backup.stored(result, "my-org/app", "issue_comments")),
      ids(listOf(server, `${path}/issues/comments`)),
    );
    assert.equal((await backup.stored(result, "my-org/app", "pull_reviews"))?.length, 3);
    assert.deepEqual(
      (await backup.stored(result, "my-org/app", "issues"))?.find(({ number }) => number === 7),
      listOf(server, `${path}/issues`)[6],
    );
    const to = await mkdtemp(join(tmpdir(), "github-restore-"));
    try {
      const options = { job: "docs", to: join(to, "all"), force: false };
      await restore({ ...backup.a.backup, kind: () => github }, options);
      assert.equal(showRef(join(to, "all/my-org/app/repository.git")), showRef(join(root, "my-org/app.git")));
      assert.equal(showRef(join(to, "all/my-org/my-org.github.io/wiki.git")), showRef(join(root, "my-org/app.git")));
      assert.equal((await readFile(join(to, "all/my-org/app/issues.jsonl"), "utf8")).split("\n").length, 254);
    } finally {
      await rm(to, { recursive: true });
    }
  });

  test("shows its token to the server alone, and stores it nowhere, nor those that GitHub's answers hold", async () => {
    const CLONE_TOKEN = "AAXCANARYCLONETOKEN";
    await using world = await aWorld({ git: true, object: { temp_clone_token: CLONE_TOKEN } });
    const { server } = world;
    server.lists.set(`${world.path}/teams`, [{ id: 1, parent: { repositories: [{ temp_clone_token: CLONE_TOKEN }] } }]);
    server.fault = (path) =>
      path.endsWith("/hooks") ? { status: 403, body: { message: `${server.token} may not` } } : undefined;
    const backup = githubBackup(server, { require: ["hooks"] });
    const result = await backup.run();
    assert.equal(unitOf(result)?.error?.code, "SOURCE_FORBIDDEN");
    const [repository] = (await backup.stored(result, "my-org/app", "repository")) ?? [];
    assert.equal(repository?.full_name, "my-org/app");
    const encoded = Buffer.from(`x-access-token:${server.token}`).toString("base64");
    const everything = [...(await contentsOf(backup.a.storage))].map(([key, bytes]) =>
      key.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes,
    );
    for (const text of [
      ...everything.map(String),
      ...backup.a.lines,
      JSON.stringify(backup.a.events),
      JSON.stringify(result),
    ]) {
      assert.deepEqual(
        [server.token, encoded, CLONE_TOKEN].filter((secret) => text.includes(secret)),
        [],
        text,
      );
    }
    for (const { url } of server.git.seen) assert.equal(url.includes(server.token), false);
  });
});

describe("the organization itself", () => {
  test("is a unit beside its repositories, its teams with their members", async () => {
    await using world = await aWorld();
    const { server } = world;
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", name: "My Org" });
    server.lists.set("/orgs/my-org/members", [{ id: 1, login: "ada" }]);
    server.lists.set("/orgs/my-org/teams", [
      { id: 5, slug: "core" },
      { id: 6, slug: "none" },
    ]);
    server.lists.set("/orgs/my-org/teams/core/members", [
      { id: 1, login: "ada" },
      { id: 2, login: "bob" },
    ]);
    server.lists.set("/orgs/my-org/teams/none/members", []);
    const backup = githubBackup(server, { ...WITHOUT_GIT, organizationToo: true });
    const result = await backup.run();
    assert.deepEqual(
      result.manifest?.units.map(({ id, identity, status }) => [id, identity, status]),
      [
        ["my-org", "organization:7", "ok"],
        ["my-org/app", "repository:42", "ok"],
      ],
    );
    assert.deepEqual(await backup.stored(result, "my-org", "org_members"), [{ id: 1, login: "ada" }]);
    assert.deepEqual(
      (await backup.stored(result, "my-org", "org_team_members"))?.map(({ of, items }) => [
        of,
        Array.isArray(items) ? items.length : 0,
      ]),
      [["core", 2]],
    );
    assert.equal(statesOf(result, "my-org").org_hooks, "FORBIDDEN");
    assert.deepEqual(
      (await backup.run()).manifest?.units.map(({ status }) => status),
      ["unchanged", "unchanged"],
    );
  });

  test("items of its projects are asked for with all fields that the project has", async () => {
    await using world = await aWorld();
    const { server } = world;
    const project = "/orgs/my-org/projectsV2/3";
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org" });
    server.lists.set("/orgs/my-org/projectsV2", [{ id: 1, number: 3 }]);
    server.lists.set(`${project}/fields`, [
      { id: 11, name: "Title" },
      { id: 12, name: "Status" },
    ]);
    server.lists.set(`${project}/items`, [{ id: 5, fields: [] }]);
    const include = ["org_project_fields", "org_project_items"];
    const backup = githubBackup(server, {
      skip: ["all"],
      include: ["organization", ...include],
      organizationToo: true,
    });
    const result = await backup.run();
    assert.deepEqual(await backup.stored(result, "my-org", "org_project_items"), [
      { of: 3, items: [{ id: 5, fields: [] }] },
    ]);
    const asked = server.requests.filter(({ path }) => path === `${project}/items`);
    assert.deepEqual(
      asked.map(({ query }) => query.get("fields")),
      ["11,12"],
    );
  });

  test("a user has the same, and is found by the login", async () => {
    await using world = await aWorld({ owner: "octocat" });
    const { server } = world;
    server.objects.set("/users/octocat", { id: 9, login: "octocat" });
    server.objects.set("/user", { id: 9, login: "octocat" });
    server.lists.set("/user/repos", listOf(server, "/orgs/octocat/repos"));
    server.lists.set("/gists", []);
    server.lists.set("/users/octocat/starred", [{ id: 3, full_name: "a/b" }]);
    const backup = githubBackup(server, { ...WITHOUT_GIT, organization: undefined, user: "octocat" });
    const result = await backup.run();
    assert.deepEqual(
      result.manifest?.units.map(({ id, identity, status }) => [id, identity, status]),
      [
        ["octocat", "user:9", "ok"],
        ["octocat/app", "repository:42", "ok"],
      ],
    );
    assert.equal((await backup.stored(result, "octocat", "user_starred"))?.length, 1);
  });
});

describe("between two runs", () => {
  test("an unchanged repository costs only free answers, and nothing is transferred", async () => {
    await using world = await aWorld({ git: true, pulls: 2 });
    const backup = githubBackup(world.server);
    await backup.run();
    world.server.requests.length = 0;
    const packs = () => world.server.git.seen.filter(({ url }) => url.endsWith("/git-upload-pack")).length;
    const before = packs();
    const result = await backup.run();
    assert.deepEqual([result.status, unitOf(result)?.status], ["ok", "unchanged"]);
    const paid = world.server.requests.filter(
      ({ status, path }) => status !== 304 && !["/rate_limit", "/orgs/my-org/repos", "/graphql"].includes(path),
    );
    assert.deepEqual(paid, []);
    // One request lists the refs; none fetches.
    assert.equal(packs() - before, 1);
    const { stats } = unitOf(result)?.artifacts.at(-1)?.facts ?? {};
    assert.deepEqual({ ...Object(stats) }.requests, { ...Object(stats) }.notModified);
  });

  test("a list whose last page is full is read again, for its ETag may not tell of the page that follows", async () => {
    await using world = await aWorld();
    const { server, path } = world;
    server.lists.set(
      `${path}/labels`,
      Array.from({ length: 100 }, (_, id) => ({ id, name: `label ${id}` })),
    );
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    server.requests.length = 0;
    await backup.run();
    const asked = server.requests.filter((request) => request.path === `${path}/labels`);
    assert.deepEqual(
      asked.map(({ status, etag }) => [status, etag]),
      [[200, undefined]],
    );
  });

  test("what is new is merged into what the last snapshot holds, with one request a kind", async () => {
    await using world = await aWorld({ issues: 300, pulls: 0 });
    const { server, path } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    const issues = listOf(server, `${path}/issues`);
    issues[4] = { ...issues[4], title: "edited", updated_at: at(90_000) };
    listOf(server, `${path}/issues/comments`).push({
      id: 99,
      body: "new",
      updated_at: at(90_000),
      created_at: at(90_000),
    });
    server.requests.length = 0;
    const result = await backup.run();
    const stored = await backup.stored(result, "my-org/app", "issues");
    assert.equal(stored?.length, 300);
    assert.deepEqual(
      stored?.filter(({ title }) => title === "edited").map(({ number }) => number),
      [5],
    );
    assert.equal((await backup.stored(result, "my-org/app", "issue_comments"))?.length, 601);
    const paid = server.requests
      .filter(({ status, path: asked }) => status === 200 && asked.startsWith(path))
      .map(({ path: asked }) => asked.slice(path.length));
    assert.deepEqual(paid.sort(), ["/issues", "/issues/comments"]);
  });

  test("a pull request that changed has its reviews read anew, and the others keep theirs", async () => {
    await using world = await aWorld({ issues: 0, pulls: 3 });
    const { server, path } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    const pulls = listOf(server, `${path}/pulls`);
    pulls[1] = { ...pulls[1], updated_at: at(90_000) };
    server.lists.set(`${path}/pulls/2/reviews`, [
      { id: 1, body: "one" },
      { id: 2, body: "two" },
    ]);
    server.requests.length = 0;
    const result = await backup.run();
    const reviews = await backup.stored(result, "my-org/app", "pull_reviews");
    assert.deepEqual(reviews?.map(({ of, items }) => [of, Array.isArray(items) ? items.length : 0]).sort(), [
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    assert.deepEqual(
      server.requests.filter(({ path: asked }) => asked.endsWith("/reviews")).map(({ path: asked }) => asked),
      // The newest of last time is read once more, for servers' clocks differ.
      [`${path}/pulls/2/reviews`, `${path}/pulls/3/reviews`],
    );
  });

  test("what was deleted is noticed by the full reading, recorded as a tombstone, and stays one", async () => {
    await using world = await aWorld({ issues: 150, pulls: 0 });
    const { server, path } = world;
    const backup = githubBackup(server, { ...WITHOUT_GIT, full_every: "2d" });
    await backup.run();
    server.lists.set(
      `${path}/issues`,
      listOf(server, `${path}/issues`).filter(({ number }) => number !== 9),
    );
    // A night in between sees nothing of it: that list is not read whole.
    const second = await backup.run();
    assert.equal((await backup.stored(second, "my-org/app", "issues"))?.length, 150);
    const third = await backup.run();
    assert.equal((await backup.stored(third, "my-org/app", "issues"))?.length, 149);
    const tombstones = await backup.stored(third, "my-org/app", "deleted");
    assert.deepEqual(
      tombstones?.map(({ kind, last }) => [kind, Object(last).number]),
      [["issues", 9]],
    );
    const fourth = await backup.run();
    assert.deepEqual(await backup.stored(fourth, "my-org/app", "deleted"), tombstones);
    assert.equal(unitOf(fourth)?.status, "unchanged");
  });

  test("a renamed repository is followed by its number, and its git is not transferred again", async () => {
    await using world = await aWorld({ git: true });
    const { server, root } = world;
    const backup = githubBackup(server);
    await backup.run();
    const before = [...server.lists.entries()];
    server.lists.set("/orgs/my-org/repos", []);
    gitSync(root, ["clone", "--quiet", "--mirror", "my-org/app.git", "my-org/better.git"]);
    gitSync(root, ["-C", "my-org/better.git", "symbolic-ref", "HEAD", "refs/heads/main"]);
    await addRepository(server, "better", { id: 42 });
    for (const [path, items] of before)
      if (path.startsWith("/repos/my-org/app/")) server.lists.set(path.replace("/app/", "/better/"), items);
    const result = await backup.run();
    assert.deepEqual(
      result.manifest?.units.map(({ id, identity }) => [id, identity]),
      [["my-org/better", "repository:42"]],
    );
    assert.deepEqual(result.manifest?.warnings, []);
    assert.equal(
      unitOf(result, "my-org/better")?.artifacts.find(({ path }) => path.endsWith(".bundle"))?.reusedFrom,
      "2026-11-22T030000Z",
    );
  });

  test("a new commit gives a new bundle, and the rest stays", async () => {
    await using world = await aWorld({ git: true });
    const { server, root } = world;
    const backup = githubBackup(server);
    await backup.run();
    await fastImport(join(root, "my-org/app.git"), [
      "commit refs/heads/new\ncommitter A <a@example.org> 1800000000 +0000\ndata 1\nx\nM 100644 inline new.txt\ndata 1\ny\n",
    ]);
    const result = await backup.run();
    const made = unitOf(result)
      ?.artifacts.filter(({ reusedFrom }) => reusedFrom === undefined)
      .map(({ path }) => path.split("/").at(-1));
    assert.deepEqual(made, ["repository.bundle", "collected.json.zst"]);
  });
});

describe("what is not there, or must not be seen", () => {
  test("a repository that the configuration names and GitHub does not show is a failed unit", async () => {
    await using world = await aWorld();
    const result = await githubBackup(world.server, { ...WITHOUT_GIT, repositories: ["app", "gone"] }).run();
    assert.equal(result.status, "partial");
    assert.deepEqual(
      [unitOf(result, "my-org/gone")?.status, unitOf(result, "my-org/gone")?.error?.code],
      ["failed", "SOURCE_NOT_FOUND"],
    );
    assert.equal(unitOf(result)?.status, "ok");
  });

  test("kinds that are off, forbidden or blocked are recorded as that, and fail nothing", async () => {
    await using world = await aWorld({ object: { has_issues: false } });
    const { server } = world;
    const answers: Readonly<Record<string, number>> = { hooks: 404, keys: 403, releases: 451, comments: 410 };
    server.fault = (path) => {
      const status = answers[path.split("/").at(-1) ?? ""];
      return status === undefined || path.includes("/issues/") || path.includes("/pulls/")
        ? undefined
        : { status, body: { message: "no" } };
    };
    const result = await githubBackup(server, WITHOUT_GIT).run();
    assert.equal(result.status, "ok");
    const { hooks, keys, releases, commit_comments: comments, issues } = statesOf(result);
    assert.deepEqual(
      { hooks, keys, releases, comments, issues },
      { hooks: "FORBIDDEN", keys: "FORBIDDEN", releases: "BLOCKED", comments: "DISABLED", issues: "DISABLED" },
    );
  });

  test("a right that was lost between two runs is an error, night after night, and the rest is stored", async () => {
    await using world = await aWorld();
    const { server } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    server.fault = (path) => (path.endsWith("/labels") ? { status: 404, body: { message: "Not Found" } } : undefined);
    for (const night of [2, 3, 4]) {
      const result = await backup.run();
      assert.deepEqual([night, result.status, unitOf(result)?.error?.code], [night, "partial", "SOURCE_FORBIDDEN"]);
      assert.match(
        unitOf(result)?.error?.message ?? "",
        /labels: was read in snapshot 2026-11-22T030000Z, and cannot be read now \(404: Not Found\)/,
      );
      assert.equal((await backup.stored(result, "my-org/app", "issues"))?.length, 4);
    }
    server.fault = () => undefined;
    assert.equal((await backup.run()).status, "ok");
  });

  test("a right that was lost is an error also where another kind failed in every run before", async () => {
    await using world = await aWorld();
    const { server } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    const broken = { status: 200, body: "<html>" };
    server.fault = (path) => (path.endsWith("/milestones") ? broken : undefined);
    assert.equal((await backup.run()).status, "partial");
    const lost = (path: string) => (path.endsWith("/labels") ? { status: 404, body: {} } : undefined);
    server.fault = (path) => (path.endsWith("/milestones") ? broken : lost(path));
    await backup.run();
    server.fault = lost;
    for (const _ of [3, 4]) {
      const result = await backup.run();
      assert.equal(unitOf(result)?.error?.code, "SOURCE_FORBIDDEN");
      assert.match(unitOf(result)?.error?.message ?? "", /labels: was read in snapshot 2026-11-22T030000Z/);
    }
    server.fault = () => undefined;
    assert.equal((await backup.run()).status, "ok");
  });

  test("a repository that vanishes between listing and collecting fails alone", async () => {
    await using world = await aWorld();
    await addRepository(world.server, "second", { id: 50 });
    world.server.objects.delete(world.path);
    const result = await githubBackup(world.server, WITHOUT_GIT).run();
    assert.deepEqual(
      result.manifest?.units.map(({ id, status, error }) => [id, status, error?.code]),
      [
        ["my-org/app", "failed", "SOURCE_NOT_FOUND"],
        ["my-org/second", "ok", undefined],
      ],
    );
  });

  test("another repository of the same name does not take the place of the one that was listed", async () => {
    await using world = await aWorld();
    world.server.objects.set(world.path, { ...world.server.objects.get(world.path), id: 43 });
    assert.equal(unitOf(await githubBackup(world.server, WITHOUT_GIT).run())?.error?.code, "SOURCE_NOT_FOUND");
  });
});

describe("a repository that is too large for one unit", () => {
  const sized = (world: World, size: number) => {
    const object = { ...world.server.objects.get(world.path), size };
    world.server.objects.set(world.path, object);
    world.server.lists.set("/orgs/my-org/repos", [object]);
  };
  const shown = (result: JobResult) => result.manifest?.units.map(({ id, status }) => `${id} ${status}`);
  const packs = ({ server }: World) => server.git.seen.filter(({ url }) => url.endsWith("/git-upload-pack")).length;

  test("is three, which find what it was as one, and stay three when it becomes small; nothing is said to be gone", async () => {
    await using world = await aWorld({ git: true });
    const backup = githubBackup(world.server);
    await backup.run();
    const before = packs(world);
    sized(world, 2_000_000);
    const split = await backup.run();
    assert.deepEqual(shown(split), ["my-org/app ok", "my-org/app/git ok", "my-org/app/assets ok"]);
    assert.deepEqual(
      split.manifest?.units.map(({ compute }) => compute),
      ["lambda", "fargate", "fargate"],
    );
    const bundle = unitOf(split, "my-org/app/git")?.artifacts.find(({ path }) => path.endsWith("repository.bundle"));
    assert.equal(bundle?.reusedFrom !== undefined, true, "the bundle is taken over");
    // Each look at the refs is a question, too.
    const looks = packs(world) - before;
    assert.deepEqual(shown(await backup.run()), [
      "my-org/app unchanged",
      "my-org/app/git unchanged",
      "my-org/app/assets unchanged",
    ]);
    assert.equal(packs(world) - before - looks, looks);
    sized(world, 12);
    const small = await backup.run();
    assert.deepEqual(shown(small), ["my-org/app ok", "my-org/app/git ok", "my-org/app/assets ok"]);
    assert.deepEqual(small.manifest?.warnings, []);
    const still = unitOf(small, "my-org/app/git")?.artifacts.find(({ path }) => path.endsWith("git/repository.bundle"));
    assert.equal(still?.reusedFrom !== undefined, true);
  });

  test("is split by what of it is large: its git, or the files of its releases", { skip: noGithubPeers }, async () => {
    await using world = await aWorld({ git: true });
    const { server, path } = world;
    answerGraphql(server);
    const releases = (count: number, size: number) =>
      server.lists.set(
        `${path}/releases`,
        Array.from({ length: count }, (_, n) => ({
          id: n,
          tag_name: `v${n}`,
          name: `v${n}`,
          // Never uploaded to its end, so that there is nothing to download.
          assets: [{ id: n, name: "app.zip", size, state: "starter", updated_at: "2026-01-01T00:00:00Z" }],
        })),
      );
    const backup = githubBackup(server);
    // Of thirty releases the question shows ten.
    releases(30, 50_000_000);
    const ofAssets = await backup.run();
    assert.deepEqual(
      ofAssets.manifest?.units.map(({ id, status, compute }) => `${id} ${status} ${compute}`),
      ["my-org/app ok lambda", "my-org/app/assets ok fargate"],
    );
    assert.ok(unitOf(ofAssets)?.artifacts.some(({ path: at }) => at.endsWith("app/repository.bundle")));
    releases(30, 1_000_000);
    sized(world, 2_000_000);
    const ofGit = await backup.run();
    assert.deepEqual(shown(ofGit), ["my-org/app ok", "my-org/app/git ok", "my-org/app/assets ok"]);
    assert.equal(statesOf(ofGit, "my-org/app/assets").assets, "EMPTY");
    assert.deepEqual(ofGit.manifest?.warnings, []);
  });

  test("still fails for a right that it had as one", async () => {
    await using world = await aWorld({ git: true });
    const { server } = world;
    const backup = githubBackup(server);
    await backup.run();
    sized(world, 2_000_000);
    server.fault = (path) => (path.endsWith("/labels") ? { status: 404, body: { message: "Not Found" } } : undefined);
    const result = await backup.run();
    assert.deepEqual(shown(result), ["my-org/app failed", "my-org/app/git ok", "my-org/app/assets ok"]);
    assert.equal(unitOf(result)?.error?.code, "SOURCE_FORBIDDEN");
  });
});

describe("lists", () => {
  test("one that GitHub ends for its length is read in windows, each object once", async () => {
    await using world = await aWorld({ issues: 950, commentsPerIssue: 0, pulls: 0 });
    world.server.lastPage = 3;
    world.server.lists.set(`${world.path}/issues/events`, []);
    const backup = githubBackup(world.server, WITHOUT_GIT);
    const result = await backup.run();
    assert.equal(result.status, "ok");
    assert.deepEqual(
      ids(await backup.stored(result, "my-org/app", "issues")),
      ids(listOf(world.server, `${world.path}/issues`)),
    );
  });

  test("events and pull requests, which know no windows, are then asked for issue by issue", async () => {
    await using world = await aWorld({ issues: 0, commentsPerIssue: 0, pulls: 450 });
    const { server, path } = world;
    server.lastPage = 3;
    for (const pull of listOf(server, `${path}/pulls`)) {
      server.objects.set(`${path}/pulls/${pull.number}`, { ...pull, merged: false });
      server.lists.set(`${path}/issues/${pull.number}/events`, [
        { id: 42_000 + Number(pull.number), event: "labeled" },
      ]);
      server.lists.set(`${path}/pulls/${pull.number}/reviews`, []);
    }
    // One that is deleted while the rest is asked for.
    server.objects.delete(`${path}/pulls/320`);
    const backup = githubBackup(server, { skip: ["all"], include: ["issue_events", "pulls"] });
    const result = await backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    const pulls = await backup.stored(result, "my-org/app", "pulls");
    assert.deepEqual([pulls?.length, pulls?.some(({ number }) => number === 320)], [449, false]);
    const events = await backup.stored(result, "my-org/app", "issue_events");
    assert.equal(events?.length, 450);
    assert.equal(events?.find(({ id }) => id === 42_050)?.issue_number, 50);
  });

  test("a comment whose issue is not in the list is a hole in the list, unless the issue was deleted meanwhile", async () => {
    await using world = await aWorld({ issues: 3, pulls: 0 });
    const { server, path } = world;
    const whole = listOf(server, `${path}/issues`);
    server.lists.set(
      `${path}/issues`,
      whole.filter(({ number }) => number !== 2),
    );
    const options = { skip: ["all"], include: ["issues", "issue_comments"] };
    const gone = await githubBackup(server, options).run();
    assert.equal(gone.status, "ok");
    const checked = unitOf(gone)?.artifacts.find(({ path: at }) => at.includes("collected.json"))?.facts.checked;
    const numbers = packed(new Set([2]));
    assert.deepEqual(checked, { issues: { references: 3, gone: 1, missing: numbers, asked: numbers } });
    server.objects.set(`${path}/issues/2`, { number: 2 });
    const hole = await githubBackup(server, options).run();
    assert.deepEqual([hole.status, unitOf(hole)?.error?.code], ["partial", "SOURCE_INCOMPLETE"]);
    assert.match(unitOf(hole)?.error?.message ?? "", /number 2, which GitHub has and did not list/);
  });

  test("a page that stays broken fails its kind and shortens nothing; the other kinds are stored", async () => {
    await using world = await aWorld({ issues: 350, commentsPerIssue: 0 });
    const { server } = world;
    server.fault = (path, _, query) =>
      path.endsWith("/issues") && query.get("page") === "3"
        ? { status: 200, body: { message: "not a list" } }
        : undefined;
    const backup = githubBackup(server, WITHOUT_GIT);
    const result = await backup.run();
    assert.deepEqual([result.status, unitOf(result)?.error?.code], ["partial", "SOURCE_PROTOCOL"]);
    assert.equal(await backup.stored(result, "my-org/app", "issues"), undefined);
    assert.equal((await backup.stored(result, "my-org/app", "labels"))?.length, 1);
  });

  test("one that says how long it is is held to it", async () => {
    await using world = await aWorld();
    const { server } = world;
    server.fault = (path) =>
      path.endsWith("/actions/variables")
        ? { status: 200, body: { total_count: 3, variables: [{ name: "A" }] } }
        : undefined;
    const result = await githubBackup(server, WITHOUT_GIT).run();
    assert.match(unitOf(result)?.error?.message ?? "", /variables: GitHub lists 1 of the 3 that it counts/);
  });

  test("pages that go round in a circle are an error, not a loop", async () => {
    await using world = await aWorld();
    const { server, path } = world;
    const link = `<${server.apiUrl}${path}/labels?per_page=100>; rel="next"`;
    server.fault = (asked) =>
      asked === `${path}/labels` ? { status: 200, headers: { link }, body: [{ id: 1 }] } : undefined;
    assert.match(unitOf(await githubBackup(server, WITHOUT_GIT).run())?.error?.message ?? "", /round in a circle/);
  });
});

describe("faults of the server", () => {
  const mended: readonly [
    string,
    (
      times: number,
    ) => { status: number; headers?: Record<string, string>; body?: unknown; cutAfter?: number } | undefined,
  ][] = [
    ["502 three times in a row", (n) => (n < 3 ? { status: 502, body: { message: "Server Error" } } : undefined)],
    [
      "a 403 with retry-after",
      (n) =>
        n < 1
          ? {
              status: 403,
              headers: { "retry-after": "0" },
              body: { message: "You have exceeded a secondary rate limit" },
            }
          : undefined,
    ],
    [
      "a 429 whose limit resets now",
      (n) =>
        n < 1
          ? {
              status: 429,
              headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" },
              body: { message: "API rate limit exceeded" },
            }
          : undefined,
    ],
    [
      "a body that ends half-way",
      (n) =>
        n < 2
          ? { status: 200, headers: { "content-length": "1000" }, body: [{ id: 1, name: "half" }], cutAfter: 20 }
          : undefined,
    ],
    [
      "a page of HTML in place of JSON",
      (n) => (n < 1 ? { status: 502, headers: { "content-type": "text/html" }, body: "<html>" } : undefined),
    ],
  ];
  for (const [what, fault] of mended) {
    test(`${what} is waited out`, async () => {
      await using world = await aWorld();
      let times = 0;
      world.server.fault = (path) => {
        if (!path.endsWith("/labels")) return undefined;
        times += 1;
        return fault(times - 1);
      };
      const backup = githubBackup(world.server, { skip: ["all"], include: ["labels"] });
      const result = await backup.run();
      assert.equal(result.status, "ok", unitOf(result)?.error?.message);
      assert.ok(times > 1);
      assert.deepEqual(ids(await backup.stored(result, "my-org/app", "labels")), [420]);
    });
  }

  test("a redirect to another host is not followed, and nothing is sent there", async () => {
    await using world = await aWorld({ git: true });
    await using witness = await startWitness();
    world.server.fault = (path) =>
      path.endsWith("/labels") ? { status: 302, headers: { location: `${witness.url}/labels` }, body: {} } : undefined;
    const result = await githubBackup(world.server).run();
    assert.match(
      unitOf(result)?.error?.message ?? "",
      /labels: .* leads to another host, 127.0.0.1:\d+, which is not followed/,
    );
    assert.deepEqual(witness.seen, []);
  });

  test("a redirect to a repository's new name is followed", async () => {
    await using world = await aWorld();
    const { server, path } = world;
    server.fault = (asked) =>
      asked === "/repos/my-org/former"
        ? { status: 301, headers: { location: `${server.apiUrl}${path}` }, body: {} }
        : undefined;
    const result = await githubBackup(server, { ...WITHOUT_GIT, repositories: ["former"] }).run();
    assert.deepEqual(
      result.manifest?.units.map(({ id, status }) => [id, status]),
      [["my-org/app", "ok"]],
    );
  });

  test("a bundle that is cut in mid-transfer fails its repository, and the next run reuses the other", async () => {
    await using world = await aWorld({ git: true, bigFileBytes: 300_000 });
    const { server, root } = world;
    await addRepository(server, "whole", { id: 50, root });
    server.git.switches.mangle = (body) => ({
      body: body.subarray(0, Math.min(body.byteLength, 150_000)),
      end: body.byteLength <= 150_000,
    });
    const backup = githubBackup(server);
    const first = await backup.run();
    assert.deepEqual(
      first.manifest?.units.map(({ id, status, error }) => [id, status, error?.code]),
      [
        ["my-org/app", "failed", "SOURCE_TRUNCATED"],
        ["my-org/whole", "ok", undefined],
      ],
    );
    server.git.switches.mangle = undefined;
    const second = await backup.run();
    assert.deepEqual(
      second.manifest?.units.map(({ id, status }) => [id, status]),
      [
        ["my-org/app", "ok"],
        ["my-org/whole", "unchanged"],
      ],
    );
  });

  test("credentials that are refused fail the run with their own code", async () => {
    await using world = await aWorld();
    const backup = githubBackup(world.server, WITHOUT_GIT);
    world.server.fault = () => ({ status: 401, body: { message: "Bad credentials" } });
    const result = await backup.run();
    assert.deepEqual([result.status, result.error?.code], ["failed", "SOURCE_UNAUTHORIZED"]);
  });
});
