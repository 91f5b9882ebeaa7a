import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { github } from "../../lib/connectors/github/github.ts";
import type { JobResult } from "../../lib/run.ts";
import { never } from "../contract/connector.ts";
import { aGitFolder, aRepository } from "../support/git-repository.ts";
import { type GithubBackup, githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

const WITHOUT_GIT = { skip: ["git", "wiki", "lfs", "assets"] };
const PUBLIC = { private: false, visibility: "public" };
const INTERNAL = { private: true, visibility: "internal" };

/** An organization of three private repositories and a public one, unless `objects` says otherwise, backed up once. */
async function backedUp(options: Readonly<Record<string, unknown>> = {}, objects: Readonly<Record<string, Json>> = {}) {
  const server = await startGithub("/nonexistent");
  for (const [n, name] of ["app", "lib", "ops", "www"].entries())
    await addRepository(server, name, { id: 42 + n, object: objects[name] ?? (name === "www" ? PUBLIC : {}) });
  const backup = githubBackup(server, { ...WITHOUT_GIT, ...options });
  assert.equal((await backup.run()).status, "ok");
  return { server, backup, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Takes repositories out of what is shown. */
function hide(server: GithubServer, names: readonly string[]): void {
  const repositories = server.lists.get("/orgs/my-org/repos") ?? [];
  server.lists.set(
    "/orgs/my-org/repos",
    repositories.filter(({ name }) => !names.includes(String(name))),
  );
  for (const name of names) server.objects.delete(`/repos/my-org/${name}`);
}

const failures = (result: JobResult) =>
  result.manifest?.units.flatMap(({ id, error }) => (error === undefined ? [] : [`${id} ${error.code}`]));
const errorOf = (result: JobResult, unit: string): string =>
  result.manifest?.units.find(({ id }) => id === unit)?.error?.message ?? "";
const absences = (result: JobResult) => result.manifest?.warnings.map(({ code, unit }) => `${unit} ${code}`);
const nights = async ({ run }: GithubBackup, count: number) => {
  const results: JobResult[] = [];
  for (let n = 0; n < count; n += 1) results.push(await run());
  return results;
};

describe("a repository that is not shown any more", () => {
  test("fails night after night, for it may be hidden, until it is shown again and goes on where it was", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    const shown = [
      server.lists.get("/orgs/my-org/repos") ?? [],
      server.objects.get("/repos/my-org/ops") ?? {},
    ] as const;
    hide(server, ["ops"]);
    for (const result of await nights(backup, 3)) {
      assert.equal(result.status, "partial");
      assert.deepEqual(failures(result), ["my-org/ops SOURCE_FORBIDDEN"]);
    }
    server.lists.set("/orgs/my-org/repos", [...shown[0]]);
    server.objects.set("/repos/my-org/ops", shown[1]);
    const again = await backup.run();
    assert.equal(again.status, "ok");
    assert.deepEqual(
      again.manifest?.units.map(({ status }) => status),
      ["unchanged", "unchanged", "unchanged", "unchanged"],
    );
  });

  test("is left out once exclude names it", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    hide(server, ["ops"]);
    assert.deepEqual(failures(await backup.run()), ["my-org/ops SOURCE_FORBIDDEN"]);
    const result = await backup.withOptions({ ...WITHOUT_GIT, exclude: ["ops"] }).run();
    assert.deepEqual([result.status, failures(result)], ["ok", []]);
  });

  test("was deleted where GitHub counts no more private ones than it lists, which warns once", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", total_private_repos: 2 });
    hide(server, ["ops"]);
    const [first, second] = await nights(backup, 2);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([first.status, failures(first), absences(first)], ["ok", [], ["my-org/ops SOURCE_ABSENT"]]);
    assert.deepEqual([second.status, absences(second)], ["ok", []]);
  });

  test("is hidden where GitHub counts more than it lists, and the error says so", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", total_private_repos: 3 });
    hide(server, ["ops"]);
    const result = await backup.run();
    assert.deepEqual(failures(result), ["my-org/ops SOURCE_FORBIDDEN"]);
    const message = result.manifest?.units.find(({ id }) => id === "my-org/ops")?.error?.message;
    assert.match(message ?? "", /of 3 private repositories of my-org it lists 2/);
  });

  test("warns once with on_absent: warn, but for all private ones at once, which is no deletion", async () => {
    await using world = await backedUp({ on_absent: "warn" });
    const { server, backup } = world;
    hide(server, ["ops"]);
    const one = await backup.run();
    assert.deepEqual([one.status, absences(one)], ["ok", ["my-org/ops SOURCE_ABSENT"]]);
    hide(server, ["www"]);
    const publicOne = await backup.run();
    assert.deepEqual([publicOne.status, absences(publicOne)], ["ok", ["my-org/www SOURCE_ABSENT"]]);
    await addRepository(server, "web", { id: 70, object: PUBLIC });
    hide(server, ["app", "lib"]);
    const all = await backup.run();
    assert.deepEqual(failures(all), ["my-org/app SOURCE_FORBIDDEN", "my-org/lib SOURCE_FORBIDDEN"]);
    assert.match(all.manifest?.units[1]?.error?.message ?? "", /none of the private repositories of my-org/);
  });

  test("is hidden, however complete the list looks, while a token is not accepted that may have been shown it", async () => {
    await using world = await backedUp();
    const { server } = world;
    server.anyToken = true;
    const tokens = [{ token_env: "A" }, { token_env: "B" }];
    const options = { ...WITHOUT_GIT, tokens, on_absent: "warn" };
    const backup = world.backup.withOptions(options);
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", total_private_repos: 2 });
    hide(server, ["ops", "www"]);
    server.fault = (_, { headers }) =>
      headers.authorization === "Bearer B-token" ? { status: 401, body: { message: "Bad credentials" } } : undefined;
    for (const result of await nights(backup, 2)) {
      assert.deepEqual(failures(result), ["my-org/ops SOURCE_FORBIDDEN", "my-org/www SOURCE_FORBIDDEN"]);
      assert.match(result.manifest?.units.at(-1)?.error?.message ?? "", /GitHub does not accept token 2, which may be/);
    }
    // Another one has its name: it may have moved to where the other token alone sees it.
    await addRepository(server, "ops", { id: 99 });
    assert.deepEqual(failures(await backup.run()), ["my-org/ops@44 SOURCE_FORBIDDEN", "my-org/www SOURCE_FORBIDDEN"]);
    server.fault = () => undefined;
    const renewed = await backup.run();
    assert.deepEqual([renewed.status, failures(renewed)], ["ok", []]);
  });

  test("is never taken for deleted by the count of private ones where it was internal, for they may not be counted", async () => {
    await using world = await backedUp({}, { ops: INTERNAL });
    const { server, backup } = world;
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", total_private_repos: 2 });
    hide(server, ["ops"]);
    assert.deepEqual(failures(await backup.run()), ["my-org/ops SOURCE_FORBIDDEN"]);
  });

  test("is believed with on_absent: warn where others of its sort are listed: an internal one beside an internal one", async () => {
    await using world = await backedUp({ on_absent: "warn" }, { app: INTERNAL, lib: INTERNAL, ops: INTERNAL });
    const { server, backup } = world;
    hide(server, ["ops"]);
    const one = await backup.run();
    assert.deepEqual([one.status, absences(one)], ["ok", ["my-org/ops SOURCE_ABSENT"]]);
    hide(server, ["app", "lib"]);
    const all = await backup.run();
    assert.deepEqual(failures(all), ["my-org/app SOURCE_FORBIDDEN", "my-org/lib SOURCE_FORBIDDEN"]);
    assert.match(all.manifest?.units[1]?.error?.message ?? "", /none of the internal repositories of my-org/);
  });

  test("is not made up for by another one that a shifting list shows twice", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org", total_private_repos: 3 });
    hide(server, ["ops"]);
    const [first, ...rest] = server.lists.get("/orgs/my-org/repos") ?? [];
    assert.ok(first !== undefined);
    server.lists.set("/orgs/my-org/repos", [first, first, ...rest]);
    assert.deepEqual(failures(await backup.run()), ["my-org/ops SOURCE_FORBIDDEN"]);
  });

  test("goes on when its number still leads to it: left out by the list, or moved to another owner", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    const lib = server.objects.get("/repos/my-org/lib");
    hide(server, ["lib", "ops"]);
    server.objects.set("/repos/my-org/lib", lib ?? {});
    server.objects.set("/repositories/43", lib ?? {});
    await addRepository(server, "ops", { id: 44, owner: "elsewhere" });
    server.objects.set("/repositories/44", server.objects.get("/repos/elsewhere/ops") ?? {});
    for (const result of await nights(backup, 2)) {
      assert.equal(result.status, "ok");
      assert.deepEqual(result.manifest?.units.map(({ id, identity }) => `${id} ${identity}`).slice(2), [
        "my-org/lib repository:43",
        "my-org/ops repository:44",
      ]);
      assert.deepEqual(absences(result), ["my-org/ops GITHUB_MOVED"]);
    }
  });

  test("is not confused with another one that has its name, which is told", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    hide(server, ["ops"]);
    await addRepository(server, "ops", { id: 99 });
    const result = await backup.run();
    assert.deepEqual([result.status, absences(result)], ["ok", ["my-org/ops SOURCE_ABSENT"]]);
  });

  test("is not left out for its name that another one has where GitHub does not say 404", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    hide(server, ["ops"]);
    await addRepository(server, "ops", { id: 99 });
    server.fault = (path) => (path === "/repositories/44" ? { status: 451, body: { message: "blocked" } } : undefined);
    for (const result of await nights(backup, 2)) {
      assert.deepEqual(failures(result), ["my-org/ops@44 SOURCE_FORBIDDEN"]);
      assert.equal(result.manifest?.units.find(({ id }) => id === "my-org/ops@44")?.identity, "repository:44");
    }
    // The line that the error tells ends it, and leaves the other one in.
    const [told] = /exclude: \[.*?\]/.exec(errorOf(await backup.run(), "my-org/ops@44")) ?? [];
    assert.equal(told, "exclude: [my-org/ops@44]");
    const excluding = backup.withOptions({ ...WITHOUT_GIT, exclude: ["my-org/ops@44"] });
    const excluded = await excluding.run();
    assert.deepEqual([excluded.status, failures(excluded)], ["ok", []]);
    assert.equal(excluded.manifest?.units.find(({ id }) => id === "my-org/ops")?.identity, "repository:99");
  });

  test("is left out by its number, whatever it is called, or once GitHub says 404", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    const excluding = (numbered: string) => backup.withOptions({ ...WITHOUT_GIT, exclude: [numbered] });
    const listed = (result: JobResult) => result.manifest?.units.map(({ id }) => id);
    assert.deepEqual(listed(await excluding("old/name@44").run()), ["my-org/app", "my-org/lib", "my-org/www"]);
    assert.deepEqual(listed(await backup.run()), ["my-org/app", "my-org/lib", "my-org/ops", "my-org/www"]);
    hide(server, ["ops"]);
    assert.match(errorOf(await backup.run(), "my-org/ops"), /exclude: \[my-org\/ops@44\] leaves it out/);
    const excluded = await excluding("my-org/ops@44").run();
    assert.deepEqual([excluded.status, failures(excluded)], ["ok", []]);
    await backup.run();
    await addRepository(server, "ops", { id: 99 });
    const gone = await backup.run();
    assert.deepEqual([gone.status, failures(gone)], ["ok", []]);
  });

  test("is not left out for a name that it had before it moved, which another one has now", async () => {
    await using world = await backedUp();
    const { server, backup } = world;
    hide(server, ["ops"]);
    await addRepository(server, "ops", { id: 44, owner: "elsewhere" });
    server.objects.set("/repositories/44", server.objects.get("/repos/elsewhere/ops") ?? {});
    assert.deepEqual(absences(await backup.run()), ["my-org/ops GITHUB_MOVED"]);
    server.objects.delete("/repositories/44");
    await addRepository(server, "ops", { id: 99 });
    assert.deepEqual(failures(await backup.run()), ["my-org/ops@44 SOURCE_FORBIDDEN"]);
  });

  test("is not asked about where a filter leaves out what it was, of which there may be many", async () => {
    await using world = await backedUp({}, { ops: { archived: true } });
    const { server, backup } = world;
    const asked = () => server.requests.filter(({ path }) => path.startsWith("/repositories/")).length;
    const result = await backup.withOptions({ ...WITHOUT_GIT, archived: false }).run();
    assert.deepEqual([result.status, absences(result)], ["ok", ["my-org/ops SOURCE_ABSENT"]]);
    assert.equal(asked(), 0);
  });

  test("is asked about five hundred times at most, and the error of the rest says that GitHub was not", async () => {
    await using server = await startGithub("/nonexistent");
    server.objects.set("/orgs/my-org", { id: 7, login: "my-org" });
    server.lists.set("/orgs/my-org/repos", []);
    const connector = await github.create(
      github.options.parse({ organization: "my-org", api_url: server.apiUrl, archived: false, ...WITHOUT_GIT }),
      {
        secrets: { resolve: async () => server.token },
        redaction: { add: () => {}, redact: (text) => text },
        now: () => new Date(),
        avoid: [],
      },
    );
    const known = Array.from({ length: 1200 }, (_, n) => ({
      id: `my-org/r${n}`,
      identity: `repository:${1000 + n}`,
      snapshot: "2026-11-22T030000Z",
      facts: () => ({ visibility: "private", archived: n < 699 }),
    }));
    const units = (await Array.fromAsync(connector.units(never(), { known }))).filter(({ id }) => id !== "my-org");
    assert.equal(server.requests.filter(({ path }) => path.startsWith("/repositories/")).length, 500);
    assert.equal(units.length, 501);
    const reasons = units.map(({ input }) => JSON.stringify(input));
    assert.match(reasons[499] ?? "", /GitHub does not show my-org\/r1198 any more/);
    assert.match(reasons[500] ?? "", /my-org\/r1199, .*GitHub was not asked about it, for more than 500 are missing/);
  });

  test("keeps its past while the configuration names it and GitHub does not show it", async () => {
    await using world = await backedUp({ repositories: ["app", "ops"] });
    const { server, backup } = world;
    hide(server, ["ops"]);
    for (const result of await nights(backup, 2)) {
      assert.deepEqual(failures(result), ["my-org/ops SOURCE_NOT_FOUND"]);
      assert.equal(result.manifest?.units.find(({ id }) => id === "my-org/ops")?.identity, "repository:44");
      assert.match(errorOf(result, "my-org/ops"), /Taken out of repositories, it is left out$/);
    }
    for (const options of [{ repositories: ["app"] }, { repositories: ["app", "ops"], exclude: ["my-org/ops"] }]) {
      const [first, second] = await nights(backup.withOptions({ ...WITHOUT_GIT, ...options }), 2);
      assert.deepEqual([first?.status, second?.status], ["ok", "ok"]);
    }
  });
});

test("gists whose list is hidden for a night are read by their numbers, keep their past, and one that is gone is told", async () => {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  server.objects.set("/user", { id: 9, login: "octocat" });
  server.lists.set("/user/repos", []);
  await mkdir(join(folder.path, "gist"));
  for (const id of ["aa11", "bb22"]) {
    const url = `${server.webUrl}/gist/${id}.git`;
    server.objects.set(`/gists/${id}`, { id, owner: { login: "octocat" }, git_pull_url: url, files: {} });
    server.lists.set(`/gists/${id}/comments`, [{ id: 1, body: "nice" }]);
    await aRepository(join(folder.path, "gist"), { name: `${id}.git`, commits: 3 });
  }
  const list = ["aa11", "bb22"].map((id) => ({ id, owner: { login: "octocat" } }));
  server.lists.set("/gists", list);
  const backup = githubBackup(server, { organization: undefined, user: "octocat", skip: ["user"] });
  assert.equal((await backup.run()).status, "ok");
  server.lists.delete("/gists");
  const hidden = await backup.run();
  assert.deepEqual(failures(hidden), ["octocat/gists SOURCE_NOT_FOUND"]);
  assert.deepEqual(
    hidden.manifest?.units.map(({ id, status }) => `${id} ${status}`),
    ["octocat/gists failed", "octocat/gists/aa11 unchanged", "octocat/gists/bb22 unchanged"],
  );
  server.lists.set("/gists", list.slice(0, 1));
  server.objects.delete("/gists/bb22");
  const gone = await backup.run();
  assert.deepEqual([gone.status, absences(gone)], ["ok", ["octocat/gists/bb22 SOURCE_ABSENT"]]);
});

test("a repository that was split stays so when it becomes small, for its parts know what they held", async () => {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  await addRepository(server, "app", { id: 42, root: folder.path, object: { size: 2_000_000 } });
  const backup = githubBackup(server, { skip: ["wiki", "lfs", "assets"] });
  const ids = (result: JobResult) => result.manifest?.units.map(({ id, status }) => `${id} ${status}`);
  assert.deepEqual(ids(await backup.run()), ["my-org/app ok", "my-org/app/git ok"]);
  const small = { ...server.objects.get("/repos/my-org/app"), size: 0 };
  server.objects.set("/repos/my-org/app", small);
  server.lists.set("/orgs/my-org/repos", [small]);
  assert.deepEqual(ids(await backup.run()), ["my-org/app ok", "my-org/app/git ok"]);
  assert.deepEqual(ids(await backup.run()), ["my-org/app unchanged", "my-org/app/git unchanged"]);
});
