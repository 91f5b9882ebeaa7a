import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { github } from "../../lib/connectors/github/github.ts";
import { never } from "../contract/connector.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

const aRepository = (id: number, name: string, rest: Json = {}): Json => ({
  id,
  name,
  owner: { login: "my-org" },
  private: true,
  visibility: "private",
  ...rest,
});

async function aConnector(server: GithubServer, options: object) {
  const parsed = github.options.parse({
    organization: "my-org",
    api_url: server.apiUrl,
    token_env: "T",
    skip: ["organization"],
    ...options,
  });
  return github.create(parsed, {
    secrets: { resolve: async () => server.token },
    redaction: { add: () => {}, redact: (text) => text },
    now: () => new Date(),
    avoid: [],
  });
}

describe("which repositories are backed up", () => {
  const listed = [
    aRepository(1, "api-one"),
    aRepository(2, "api-two", { archived: true }),
    aRepository(3, "site", { private: false, visibility: "public", topics: ["web", "docs"] }),
    aRepository(4, "copy", { fork: true, topics: ["web"] }),
    aRepository(5, "shared", { visibility: "internal" }),
  ];
  const cases: readonly (readonly [object, readonly string[]])[] = [
    [{}, ["api-one", "api-two", "site", "copy", "shared"]],
    [{ repositories: [] }, ["api-one", "api-two", "site", "copy", "shared"]],
    [{ repositories: ["api-*"] }, ["api-one", "api-two"]],
    [{ repositories: ["/^S/"] }, ["site", "shared"]],
    [{ exclude: ["api-*", "shared"] }, ["site", "copy"]],
    [{ archived: false }, ["api-one", "site", "copy", "shared"]],
    [{ archived: false, repositories: ["api-two", "api-*"] }, ["api-two", "api-one"]],
    [{ forks: false }, ["api-one", "api-two", "site", "shared"]],
    [{ visibility: ["public", "internal"] }, ["site", "shared"]],
    [{ topics: ["docs", "web"] }, ["site", "copy"]],
  ];
  for (const [options, names] of cases) {
    test(`with ${JSON.stringify(options)}`, async () => {
      await using server = await startGithub("/nonexistent");
      server.lists.set("/orgs/my-org/repos", listed);
      for (const one of listed) server.objects.set(`/repos/my-org/${one.name}`, one);
      const connector = await aConnector(server, options);
      const units = await Array.fromAsync(connector.units(never()));
      assert.deepEqual(
        units.map(({ id }) => id),
        names.map((name) => `my-org/${name}`),
      );
    });
  }
});

describe("an organization and a user in one job", () => {
  const notes = aRepository(7, "notes", { owner: { login: "octocat" } });
  const app = aRepository(1, "app");

  async function unitsOf(options: object, change: (server: GithubServer) => void = () => {}) {
    await using server = await startGithub("/nonexistent");
    server.lists.set("/orgs/my-org/repos", [app, aRepository(2, "site")]);
    // Moved to the organization between the reading of the two lists.
    server.lists.set("/users/octocat/repos", [app, notes]);
    for (const one of [app, notes]) server.objects.set(`/repos/${Object(one.owner).login}/${one.name}`, one);
    change(server);
    const both = { user: "octocat", skip: ["organization", "user", "gist"], ...options };
    const connector = await aConnector(server, both);
    return (await Array.fromAsync(connector.units(never()))).map(({ id }) => id);
  }

  test("are listed both, and what stands in both lists is one unit", async () => {
    assert.deepEqual(await unitsOf({}), ["my-org/app", "my-org/site", "octocat/notes"]);
  });

  test("have a bare name looked for with each of them", async () => {
    assert.deepEqual(await unitsOf({ repositories: ["notes", "app"] }), ["octocat/notes", "my-org/app"]);
    const own = aRepository(9, "notes");
    const ofBoth = (server: GithubServer) => server.objects.set("/repos/my-org/notes", own);
    assert.deepEqual(await unitsOf({ repositories: ["notes", "octocat/notes"] }, ofBoth), [
      "my-org/notes",
      "octocat/notes",
    ]);
  });

  test("make no smaller backup when the list of one of them is hidden", async () => {
    for (const [path, owner] of [
      ["/orgs/my-org/repos", "my-org"],
      ["/users/octocat/repos", "octocat"],
    ] as const)
      await assert.rejects(
        unitsOf({}, (server) => server.lists.delete(path)),
        { code: "SOURCE_NOT_FOUND", message: new RegExp(`does not show the repositories of ${owner} `) },
      );
  });
});

test("ten thousand repositories are listed page by page, as they are asked for", async () => {
  await using server = await startGithub("/nonexistent");
  server.lists.set(
    "/orgs/my-org/repos",
    Array.from({ length: 10_000 }, (_, n) => aRepository(n + 1, `repository-${n}`)),
  );
  const connector = await aConnector(server, {});
  // Asking again whether a page has moved is free.
  const pages = () =>
    server.requests.filter(({ path, status }) => path === "/orgs/my-org/repos" && status !== 304).length;
  const ids = new Set<string>();
  for await (const { id } of connector.units(never())) {
    if (ids.size === 0) assert.equal(pages(), 1, "the first one waits for no other page");
    ids.add(id);
  }
  assert.equal(ids.size, 10_000);
  assert.equal(pages(), 100);
});
