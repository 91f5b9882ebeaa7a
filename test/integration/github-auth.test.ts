import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { ConnectorContext, Warning } from "../../lib/connectors/connector.ts";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { bundleOf } from "../../lib/connectors/github/bundles.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { repositoryKinds } from "../../lib/connectors/github/kinds/repository.ts";
import { type Api, openSession } from "../../lib/connectors/github/session.ts";
import { sharingAnswers } from "../../lib/connectors/github/shared-answers.ts";
import { tokenAccount } from "../../lib/connectors/github/token-account.ts";
import { unitInput } from "../../lib/connectors/github/units.ts";
import { DeferredError } from "../../lib/errors.ts";
import { collectAll, context, never } from "../contract/connector.ts";
import { aGitFolder, fastImport, gitSync } from "../support/git-repository.ts";
import { addRepository } from "../support/github-organization.ts";
import { type Fault, type GithubServer, startGithub } from "../support/github-server.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PEM = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** The App's side of a server: looks at the JWT as GitHub does, and makes a token each time. */
function actAsApp(server: GithubServer, clock: { time: Date }, made: string[], installation: object = {}): void {
  const others = server.fault;
  server.fault = (path, request, query) => {
    const isInstallation = path === "/orgs/my-org/installation" || path === "/app/installations/7";
    if (!isInstallation && path !== "/app/installations/7/access_tokens") return others(path, request, query);
    const [head = "", claims = "", signature = ""] = (request.headers.authorization ?? "")
      .replace("Bearer ", "")
      .split(".");
    const isOurs = verify(
      "RSA-SHA256",
      Buffer.from(`${head}.${claims}`),
      createPublicKey(publicKey.export({ type: "spki", format: "pem" })),
      Buffer.from(signature, "base64url"),
    );
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url").toString());
    const now = clock.time.getTime() / 1000;
    if (!isOurs || iss !== "99" || exp - iat > 600 || iat > now || exp < now)
      return { status: 401, body: { message: "A JSON web token could not be decoded" } };
    if (isInstallation) return { status: 200, body: { id: 7, ...installation } };
    server.token = `ghs_canary_${made.length}`;
    made.push(server.token);
    const expires = new Date(clock.time.getTime() + 3_600_000).toISOString();
    return {
      status: 201,
      body: { token: server.token, expires_at: expires, permissions: { metadata: "read", issues: "read" } },
    };
  };
}

async function anApp(clock: { time: Date }, include: readonly string[] = ["labels", "hooks"], root = "/nonexistent") {
  const server = await startGithub(root);
  await addRepository(server, "app", { id: 42 });
  const made: string[] = [];
  const options = {
    organization: "my-org",
    api_url: server.apiUrl,
    skip: ["all"],
    include,
    app: { id: 99, private_key_env: "KEY" },
  };
  const connector = await github.create(github.options.parse(options), {
    secrets: { resolve: async () => PEM.replaceAll("\n", "\\n") },
    redaction: { add: () => {}, redact: (text) => text },
    now: () => clock.time,
    avoid: [],
  });
  return { server, connector, made };
}

function byToken(server: GithubServer, include: readonly string[]) {
  const options = { organization: "my-org", api_url: server.apiUrl, skip: ["all"], include, token_env: "T" };
  return github.create(github.options.parse(options), {
    secrets: { resolve: async () => server.token },
    redaction: { add: () => {}, redact: (text) => text },
    now: () => new Date("2026-11-22T03:00:00Z"),
    avoid: [],
  });
}

describe("a GitHub App", () => {
  test("a fault that passes while its token is made is no right that was refused: it is asked again, at the first as at a renewal", async () => {
    const clock = { time: new Date() };
    const { server, connector, made } = await anApp(clock, ["labels"]);
    await using _ = server;
    actAsApp(server, clock, made);
    const works = server.fault;
    const faults = [
      { status: 502, body: "<html>" },
      { status: 429, headers: { "retry-after": "0" }, body: { message: "slow down" } },
      { status: 403, headers: { "retry-after": "0" }, body: { message: "You have exceeded a secondary rate limit" } },
    ];
    let asked = 0;
    server.fault = (path, request, query) => {
      if (!path.endsWith("/access_tokens")) return works(path, request, query);
      asked += 1;
      return faults.shift() ?? works(path, request, query);
    };
    const units = await Array.fromAsync(connector.units(never()));
    assert.deepEqual([units.map(({ id }) => id), asked, made.length], [["my-org/app"], 4, 1]);
    clock.time = new Date(clock.time.getTime() + 3_000_000);
    faults.push({ status: 503, body: "" });
    await Array.fromAsync(connector.units(never()));
    assert.deepEqual([asked, made.length], [6, 2]);
    clock.time = new Date(clock.time.getTime() + 3_000_000);
    faults.push({ status: 201, body: { message: "canary-not-a-token" } } as never);
    await assert.rejects(Array.fromAsync(connector.units(never())), (error: Error & { code?: string }) => {
      assert.equal(error.code, "SOURCE_PROTOCOL");
      assert.match(
        error.message,
        /POST \/app\/installations\/7\/access_tokens otherwise than described: token, expires_at/,
      );
      return !error.message.includes("canary");
    });
  });

  test("finds its installation by the organization, and its token is renewed before it ends", async () => {
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector, made } = await anApp(clock);
    await using _ = server;
    actAsApp(server, clock, made);
    await connector.prepare(never());
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    assert.equal(made.length, 1);
    clock.time = new Date(clock.time.getTime() + 55 * 60_000);
    await collectAll(connector, unit);
    assert.equal(made.length, 2);
  });

  const ALL = { account: { login: "My-Org" }, repository_selection: "all", permissions: { metadata: "read" } };
  /** Those of its last snapshot that fail, with a repository of this visibility beside them. */
  async function missedBy(
    installation: object,
    {
      visibility = "private",
      count = 1,
      faults = [],
    }: { readonly visibility?: string; readonly count?: number; readonly faults?: Fault[] } = {},
  ) {
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector, made } = await anApp(clock);
    await using _ = server;
    actAsApp(server, clock, made, installation);
    const works = server.fault;
    server.fault = (path, request, query) =>
      (path === "/app/installations/7" ? faults.shift() : undefined) ?? works(path, request, query);
    const facts = () => ({ name: "my-org/gone", visibility });
    const known = Array.from({ length: count }, (_, n) => {
      const id = count === 1 ? "my-org/gone" : `my-org/gone-${n}`;
      return { id, identity: `repository:${1_000 + n}`, snapshot: "2026-11-21T030000Z", facts };
    });
    const units = await Array.fromAsync(connector.units(never(), { known }));
    return units.filter(({ input }) => input.subject === "absent").map(({ id }) => id);
  }

  test("whose installation is for all repositories of their owner misses none that GitHub shows no more", async () => {
    assert.deepEqual(await missedBy(ALL), []);
  });

  for (const [what, installation] of [
    ["for selected repositories", { repository_selection: "selected" }],
    ["another owner's", { account: { login: "other-org" } }],
    ["without a right to repositories", { permissions: { members: "read" } }],
    ["suspended", { suspended_at: "2026-11-22T02:00:00Z" }],
  ] as const)
    test(`whose installation is ${what} misses what GitHub shows no more`, async () => {
      assert.deepEqual(await missedBy({ ...ALL, ...installation }), ["my-org/gone"]);
    });

  test("misses what GitHub shows no more where nothing of its visibility is left, whatever its installation is for", async () => {
    assert.deepEqual(await missedBy(ALL, { visibility: "internal" }), ["my-org/gone"]);
  });

  test("misses what was not asked about, whatever its installation is for", async () => {
    const missed = await missedBy(ALL, { count: 503 });
    assert.deepEqual(missed, ["my-org/gone-500", "my-org/gone-501", "my-org/gone-502"]);
  });

  test("whose installation GitHub does not tell of, once or for good, is listed all the same", async () => {
    const bad: Fault = { status: 502, body: "<html>" };
    assert.deepEqual(await missedBy(ALL, { faults: [bad] }), []);
    assert.deepEqual(await missedBy(ALL, { faults: [bad, bad, bad] }), ["my-org/gone"]);
    const limited: Fault = { status: 429, headers: { "retry-after": "3600" }, body: { message: "slow down" } };
    assert.deepEqual(await missedBy(ALL, { faults: [limited] }), ["my-org/gone"]);
  });

  test("says which kinds its installation may not read", async () => {
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector, made } = await anApp(clock);
    await using _ = server;
    actAsApp(server, clock, made);
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.deepEqual(unit?.warnings, [
      { code: "GITHUB_RIGHTS", message: "app 99 lacks the right to read hooks (repository_hooks:read)" },
    ]);
  });

  test("tries a token again that is too fresh for all of GitHub's servers, and makes another when it was taken away", async () => {
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector, made } = await anApp(clock);
    await using _ = server;
    let refusals = 0;
    server.fault = (path) => {
      if (!path.endsWith("/labels") || refusals > 0) return undefined;
      refusals += 1;
      return { status: 401, body: { message: "Bad credentials" } };
    };
    actAsApp(server, clock, made);
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    await collectAll(connector, unit);
    assert.equal(made.length, 1);
    server.token = "another";
    clock.time = new Date(clock.time.getTime() + 5 * 60_000);
    await collectAll(connector, unit);
    assert.equal(made.length, 2);
  });

  test("shows git and LFS a token again that is too fresh for them, and another one when it was taken away", async () => {
    await using folder = await aGitFolder();
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector, made } = await anApp(clock, ["git", "lfs"], folder.path);
    await using _ = server;
    actAsApp(server, clock, made);
    const repository = join(folder.path, "my-org/app.git");
    await mkdir(repository, { recursive: true });
    gitSync(repository, ["init", "--quiet", "--bare", "--initial-branch=main"]);
    const object = Buffer.from("large");
    const oid = createHash("sha256").update(object).digest("hex");
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${object.length}\n`;
    const commit = [
      "commit refs/heads/main",
      "committer A <a@example.com> 1 +0000",
      "data 1",
      "x",
      "M 644 inline a.bin",
    ];
    await fastImport(repository, [`${commit.join("\n")}\ndata ${pointer.length}\n${pointer}\n`]);
    const BATCH = "/my-org/app.git/info/lfs/objects/batch";
    const actions = { download: { href: `${server.webUrl}/lfs/${oid}` } };
    const body = Buffer.from(JSON.stringify({ objects: [{ oid, size: object.length, actions }] }));
    server.files.set(BATCH, { status: 200, headers: { "content-type": "application/json" }, body });
    server.files.set(`/lfs/${oid}`, { status: 200, body: object });
    const refused = new Set<string>();
    let isTakenAway = false;
    const answer = server.git.switches.answer;
    server.git.switches.answer = (request, response) => {
      const [at = ""] = (request.url ?? "").split("?");
      if (at.startsWith("/my-org/") && isTakenAway) {
        isTakenAway = false;
        server.token = "another";
      }
      if (!at.startsWith("/my-org/") || refused.has(at)) return answer(request, response);
      refused.add(at);
      response.writeHead(401, { "content-type": "application/json" }).end(`{"message":"Bad credentials"}`);
      return true;
    };
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    const first = await collectAll(connector, unit);
    assert.deepEqual(
      first.map(({ item }) => item.name).filter((name) => /^(lfs|repository\.bundle)/.test(name)),
      ["repository.bundle", `lfs-${oid}.bin`, "lfs.jsonl"],
    );
    assert.ok(refused.has("/my-org/app.git/info/refs") && refused.has(BATCH));
    assert.equal(made.length, 1);
    isTakenAway = true;
    clock.time = new Date(clock.time.getTime() + 5 * 60_000);
    await collectAll(connector, unit);
    assert.equal(made.length, 2);
  });

  test("with a key that is not the App's is refused by name", async () => {
    const clock = { time: new Date("2026-11-22T03:00:00Z") };
    const { server, connector } = await anApp(clock);
    await using _ = server;
    server.fault = () => ({ status: 401, body: { message: "A JSON web token could not be decoded" } });
    await assert.rejects(connector.prepare(never()), /refuses the App 99 GET \/orgs\/my-org\/installation \(401\)/);
  });
});

describe("tokens", () => {
  test("one that ends soon, or lacks a scope, gives a warning that plan shows", async () => {
    await using server = await startGithub("/nonexistent");
    await addRepository(server, "app", { id: 42 });
    server.fault = (path) =>
      path === "/rate_limit"
        ? {
            status: 200,
            headers: {
              "x-oauth-scopes": "public_repo, read:org",
              "github-authentication-token-expiration": "2026-11-25 10:00:00 UTC",
            },
            body: {},
          }
        : undefined;
    const connector = await byToken(server, ["labels"]);
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.deepEqual(unit?.warnings, [
      { code: "SECRET_EXPIRES", message: "the token ends on 2026-11-25, in 3 days: renew it" },
      { code: "GITHUB_RIGHTS", message: "the token lacks the right to read repository (repo), labels (repo)" },
    ]);
  });

  test("what a fine-grained one may not read is found out for plan by asking, and in a run by reading the first repository", async () => {
    await using server = await startGithub("/nonexistent");
    const path = await addRepository(server, "app", { id: 42 });
    server.fault = (asked) =>
      asked.startsWith(`${path}/hooks`)
        ? {
            status: 403,
            headers: { "x-accepted-github-permissions": "repository_hooks=read" },
            body: { message: "Resource not accessible by personal access token" },
          }
        : undefined;
    const connector = await byToken(server, ["labels", "milestones", "hooks"]);
    const [previewed] = await Array.fromAsync(connector.units(never(), { preview: true }));
    assert.deepEqual(previewed?.warnings, [
      {
        code: "GITHUB_RIGHTS",
        message:
          "the token cannot read hooks (repository_hooks=read) of my-org/app, the first of the private repositories of my-org",
      },
    ]);
    assert.equal(server.requests.filter((request) => request.path.endsWith("/labels")).length, 1);
    assert.equal(
      server.requests.filter((request) => request.path.endsWith("/milestones")).length,
      0,
      "one for each right",
    );
    await addRepository(server, "lib", { id: 43 });
    server.fault = (asked) =>
      asked.endsWith("/hooks")
        ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
        : undefined;
    const units = await Array.fromAsync(connector.units(never()));
    const warned: string[] = [];
    for (const unit of units) {
      assert.equal(unit.warnings, undefined);
      const warn = ({ code, message }: Warning) => void warned.push(`${code} ${message}`);
      await collectAll(connector, unit, { ...context(), warn });
    }
    assert.deepEqual(warned, [
      "GITHUB_RIGHTS GitHub refuses these credentials hooks (repository_hooks=read) of my-org/app, the first of the private repositories of my-org",
    ]);
  });

  for (const { sort, status, classic, object, told } of [
    {
      sort: "a fine-grained one that public repositories show all the same",
      status: 403,
      classic: false,
      object: {},
      told: "private repositories of my-org",
    },
    {
      sort: "a classic one of a user who does not administer it",
      status: 404,
      classic: true,
      object: { permissions: { admin: false } },
      told: "private repositories of my-org that their user does not administer",
    },
  ])
    test(`what ${sort} may not read of a later repository is told by plan and by each run`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "site", {
        id: 41,
        object: { private: false, visibility: "public", permissions: { admin: true } },
      });
      const path = await addRepository(server, "app", { id: 42, object });
      await addRepository(server, "lib", { id: 43, object });
      server.fault = (asked) => {
        if (asked === "/rate_limit" && classic)
          return { status: 200, headers: { "x-oauth-scopes": "repo, admin:org" }, body: {} };
        const isRefused = asked.endsWith("/hooks") && !asked.includes("/site/");
        return isRefused ? { status, body: { message: "Not Found" } } : undefined;
      };
      const connector = await byToken(server, ["hooks"]);
      const lacks = `hooks (repository_hooks=read) of my-org/app, the first of the ${told}`;
      const previewed = await Array.fromAsync(connector.units(never(), { preview: true }));
      assert.deepEqual(
        previewed.flatMap(({ warnings = [] }) => warnings.map(({ message }) => message)),
        [`the token cannot read ${lacks}`],
      );
      const warned: string[] = [];
      for await (const unit of connector.units(never()))
        await collectAll(connector, unit, { ...context(), warn: ({ message }) => void warned.push(message) });
      assert.deepEqual(warned, [`GitHub refuses these credentials ${lacks}`]);
      assert.equal(server.requests.filter((request) => request.path === `${path}/hooks`).length, 2);
    });

  test("each of several fine-grained ones is asked for what it may not read", async () => {
    await using server = await startGithub("/nonexistent");
    const path = await addRepository(server, "app", { id: 42 });
    server.anyToken = true;
    const refused: Readonly<Record<string, string>> = { "Bearer A-token": "hooks", "Bearer B-token": "keys" };
    server.fault = (asked, request) =>
      asked === `${path}/${refused[request.headers.authorization ?? ""]}`
        ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
        : undefined;
    const tokens = [{ token_env: "A" }, { token_env: "B" }];
    const include = ["hooks", "keys"];
    const options = { organization: "my-org", api_url: server.apiUrl, skip: ["all"], include, tokens };
    const connector = await github.create(github.options.parse(options), {
      secrets: { resolve: async (reference) => (reference.from === "env" ? `${reference.name}-token` : "") },
      redaction: { add: () => {}, redact: (text) => text },
      now: () => new Date(),
      avoid: [],
    });
    const [previewed] = await Array.fromAsync(connector.units(never(), { preview: true }));
    assert.deepEqual(
      previewed?.warnings?.map(({ message }) => message),
      [
        "token 1 cannot read hooks (repository_hooks=read) of my-org/app, the first of the private repositories of my-org",
        "token 2 cannot read keys (administration=read) of my-org/app, the first of the private repositories of my-org",
      ],
    );
  });

  test("what a fine-grained one may not read of a user and of gists is asked for kind by kind", async () => {
    await using server = await startGithub("/nonexistent");
    server.objects.set("/users/octocat", { id: 9, login: "octocat" });
    server.objects.set("/user", { id: 9, login: "octocat" });
    server.lists.set("/user/repos", []);
    server.lists.set("/users/octocat/followers", []);
    server.lists.set("/gists", [
      { id: "aa11", owner: { login: "octocat" } },
      { id: "bb22", owner: { login: "octocat" } },
    ]);
    server.objects.set("/gists/aa11", { id: "aa11" });
    const refuse = (needs: string) => ({
      status: 403,
      headers: { "x-accepted-github-permissions": needs },
      body: { message: "Resource not accessible by personal access token" },
    });
    server.fault = (path) =>
      path.endsWith("/starred")
        ? refuse("starring=read")
        : path.endsWith("/comments")
          ? refuse("gists=read")
          : undefined;
    const options = {
      user: "octocat",
      repositories: ["gone"],
      api_url: server.apiUrl,
      skip: ["all"],
      include: ["user", "user_starred", "user_followers", "gist", "gist_comments"],
      token_env: "T",
    };
    const connector = await github.create(github.options.parse(options), {
      secrets: { resolve: async () => server.token },
      redaction: { add: () => {}, redact: (text) => text },
      now: () => new Date("2026-11-22T03:00:00Z"),
      avoid: [],
    });
    const previewed = await Array.fromAsync(connector.units(never(), { preview: true }));
    const lacks = "the token cannot read";
    assert.deepEqual(
      previewed.map(({ id, warnings = [] }) => [id, ...warnings.map(({ message }) => message)]),
      [
        ["octocat", `${lacks} user_starred (starring=read) of octocat, the first of the users`],
        ["octocat/gists/aa11", `${lacks} gist_comments (gists=read) of octocat/gists/aa11, the first of the gists`],
        ["octocat/gists/bb22"],
        ["octocat/gone", "GitHub does not show octocat/gone to these credentials (404: Not Found)"],
      ],
    );
    const listed = await Array.fromAsync(connector.units(never()));
    assert.ok(listed.every(({ warnings }) => warnings === undefined));
  });

  test("that have a budget wait once GitHub has counted so many requests, by whomever", async () => {
    await using server = await startGithub("/nonexistent");
    await addRepository(server, "app", { id: 42 });
    const reset = Math.floor(Date.now() / 1000) + 3000;
    server.fault = (path) =>
      path.endsWith("/labels")
        ? { status: 200, headers: { "x-ratelimit-remaining": "4000", "x-ratelimit-reset": String(reset) }, body: [] }
        : undefined;
    const options = {
      organization: "my-org",
      api_url: server.apiUrl,
      skip: ["all"],
      include: ["labels", "milestones"],
      max_requests_per_hour: 1000,
      token_env: "T",
    };
    const connector = await github.create(github.options.parse(options), {
      secrets: { resolve: async () => server.token },
      redaction: { add: () => {}, redact: (text) => text },
      now: () => new Date(),
      avoid: [],
    });
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    const waits: Date[] = [];
    const defer = async (until: Date) => {
      waits.push(until);
      throw new DeferredError(until, "waits");
    };
    await assert.rejects(collectAll(connector, unit, { ...context(), defer }), DeferredError);
    assert.deepEqual(
      waits.map((until) => Math.floor(until.getTime() / 1000)),
      [reset + 1],
    );
    assert.ok(!server.requests.some(({ path }) => path.endsWith("/milestones")));
  });

  /** A repository's labels, with the tokens A and B, each known to the server's `fault` by its header. */
  const CONTEXT_OF_TWO: ConnectorContext = {
    secrets: { resolve: async (reference) => (reference.from === "env" ? `${reference.name}-token` : "") },
    redaction: { add: () => {}, redact: (text) => text },
    now: () => new Date(),
    avoid: [],
  };

  function apiOfTwo(server: GithubServer): Api {
    server.anyToken = true;
    const accounts = ["A", "B"].map((name) => tokenAccount(name, { from: "env", name }, CONTEXT_OF_TWO));
    return { url: server.apiUrl, accounts, gate: gateOf(4), budget: budgetOf(undefined), now: () => new Date() };
  }

  async function withTwo(server: GithubServer, more: Readonly<Record<string, unknown>> = {}) {
    server.anyToken = true;
    const tokens = [{ token_env: "A" }, { token_env: "B" }];
    const options = { organization: "my-org", api_url: server.apiUrl, skip: ["all"], include: ["labels"], tokens };
    return github.create(github.options.parse({ ...options, web_url: server.webUrl, ...more }), CONTEXT_OF_TWO);
  }

  for (const dead of ["A", "B"]) {
    test(`of which ${dead} is not accepted any more back up with the other one, and warn`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "app", { id: 42 });
      server.fault = (_, { headers }) =>
        headers.authorization === `Bearer ${dead}-token`
          ? { status: 401, body: { message: "Bad credentials" } }
          : undefined;
      const connector = await withTwo(server);
      await connector.prepare(never());
      const units = await Array.fromAsync(connector.units(never()));
      assert.deepEqual(
        units[0]?.warnings?.map(({ code }) => code),
        ["SECRET_REFUSED"],
      );
      assert.ok(!JSON.stringify(units).includes(`${dead}-token`));
      // Another process collects, which was told nothing of it.
      const elsewhere = await withTwo(server);
      assert.ok(units[0]);
      const items = await collectAll(elsewhere, units[0], context());
      assert.ok(items.some(({ item }) => item.name === "labels.jsonl"));
    });

    test(`of which ${dead} lacks a right use the other one's`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "app", { id: 42 });
      server.fault = (path, { headers }) =>
        path.endsWith("/labels") && headers.authorization === `Bearer ${dead}-token`
          ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
          : undefined;
      const connector = await withTwo(server);
      const [unit] = await Array.fromAsync(connector.units(never()));
      assert.ok(unit);
      const items = await collectAll(connector, unit, context());
      assert.ok(items.some(({ item }) => item.name === "labels.jsonl"));
    });
  }

  for (const blind of ["A", "B"]) {
    test(`of which ${blind} is not shown a repository use the other one's, also for git, and ask it first from then on`, async () => {
      await using folder = await aGitFolder();
      await using server = await startGithub(folder.path);
      await addRepository(server, "app", { id: 42, root: folder.path });
      const isBlind = (authorization: string | undefined) =>
        authorization === `Bearer ${blind}-token` ||
        authorization === `Basic ${Buffer.from(`x-access-token:${blind}-token`).toString("base64")}`;
      server.fault = (path, { headers }) =>
        path.startsWith("/repos/") && isBlind(headers.authorization)
          ? { status: 404, body: { message: "Not Found" } }
          : undefined;
      const connector = await withTwo(server, { repositories: ["app"], include: ["git", "labels", "hooks"] });
      const { answer } = server.git.switches;
      let hidden = 0;
      server.git.switches.answer = (request, response) => {
        const isHidden = request.url?.startsWith("/my-org/") === true && isBlind(request.headers.authorization);
        if (!isHidden) return answer?.(request, response) ?? false;
        hidden += 1;
        response.writeHead(404).end();
        return true;
      };
      const [unit] = await Array.fromAsync(connector.units(never()));
      assert.ok(unit);
      assert.equal(unitInput.parse(unit.input).subject, "repository");
      const asked = () =>
        server.requests.filter(({ path, status }) => path.startsWith("/repos/my-org/app") && status === 404).length;
      const before = asked();
      const names = (await collectAll(connector, unit, context())).map(({ item }) => item.name);
      assert.ok(["repository.jsonl", "repository.bundle", "labels.jsonl"].every((name) => names.includes(name)));
      assert.ok(asked() - before <= 1, `${asked() - before} of the unit's requests were hidden`);
      assert.equal(hidden, 0);
      // Where nothing was asked of the API before, git finds it out by itself.
      const alone = openSession(apiOfTwo(server), "my-org/app", { signal: never(), defer: async () => {} });
      const url = `${server.webUrl}/my-org/app.git`;
      for (const state of ["READ", "READ"]) {
        const result = await bundleOf({
          name: "repository",
          url,
          session: alone,
          previous: { unit: undefined, salvage: undefined },
        });
        assert.equal(result.state, state);
        if (result.state === "READ") await result.close();
      }
      assert.ok(hidden <= 1, `${hidden} times git was shown a token that sees nothing`);
    });
  }

  test("are all asked about what is not there, once each, and a right that one says is missing is what is told", async () => {
    await using server = await startGithub("/nonexistent");
    await addRepository(server, "app", { id: 42 });
    server.fault = (path, { headers }) => {
      if (!path.endsWith("/labels")) return undefined;
      return headers.authorization === "Bearer A-token"
        ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
        : { status: 404, body: { message: "Not Found" } };
    };
    const session = openSession(apiOfTwo(server), "my-org/app", { signal: never(), defer: async () => {} });
    assert.equal((await session.get("/repos/my-org/app/labels")).status, 403);
    const asked = server.requests.map((one) => one.authorization);
    assert.deepEqual([asked.length, new Set(asked).size], [2, 2]);
  });

  for (const dead of ["A", "B"]) {
    test(`of which ${dead} is not accepted any more and the other one lacks a right end with the refusal`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "app", { id: 42 });
      server.fault = (path, { headers }) => {
        if (headers.authorization === `Bearer ${dead}-token` && path !== "/rate_limit")
          return { status: 401, body: { message: "Bad credentials" } };
        return path.endsWith("/labels")
          ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
          : undefined;
      };
      const connector = await withTwo(server);
      const unit = { id: "my-org/app", identity: "repository:42", compute: "lambda" } as const;
      const input = { subject: "repository", owner: "my-org", name: "app" };
      const items = await collectAll(connector, { ...unit, input }, context());
      assert.ok(!items.some(({ item }) => item.name === "labels.jsonl"));
      assert.ok(items.some(({ item }) => item.name === "collected.json"));
    });
  }

  for (const spent of ["A", "B"]) {
    /** Of two tokens one is used up, and the other one is not shown the hooks. */
    const usedUp = (server: GithubServer) => {
      server.fault = (path, { headers }) => {
        if (headers.authorization === `Bearer ${spent}-token`) {
          const reset = String(Math.floor(Date.now() / 1000) + 3000);
          const limits = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset };
          return { status: 403, headers: limits, body: { message: "API rate limit exceeded" } };
        }
        return path.endsWith("/hooks") ? { status: 404, body: { message: "Not Found" } } : undefined;
      };
    };
    const unit = {
      id: "my-org/app",
      identity: "repository:42",
      compute: "lambda",
      input: { subject: "repository", owner: "my-org", name: "app" },
    } as const;
    const defer = async (until: Date) => Promise.reject(new DeferredError(until, "waits"));

    test(`of which ${spent} is used up keep nobody waiting for what the other one is not shown, unless that is required or was readable`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "app", { id: 42 });
      usedUp(server);
      const include = ["hooks", "labels"];
      const connector = await withTwo(server, { include });
      const items = await collectAll(connector, unit, { ...context(), defer });
      assert.ok(items.some(({ item }) => item.name === "labels.jsonl"));
      assert.ok(!items.some(({ item }) => item.name === "hooks.jsonl"));
      const required = await withTwo(server, { include, require: ["hooks"] });
      await assert.rejects(collectAll(required, unit, { ...context(), defer }), DeferredError);
      const facts = { states: { hooks: "READ" } };
      const collected = { facts, sourceBytes: 2, open: () => ReadableStream.from([Buffer.from("{}")]) };
      const previous = { snapshot: "last", artifacts: new Map([["collected.json", collected]]) };
      await assert.rejects(collectAll(connector, unit, { ...context(), previous, defer }), DeferredError);
      const begun = { ...collected, facts: { through: 1 }, how: "made" } as const;
      const kept = new Map([["hooks.jsonl", begun]]);
      await assert.rejects(collectAll(connector, unit, { ...context(), kept, defer }), DeferredError);
    });

    test(`of which ${spent} is used up are waited for where the other one is shown nothing of the repository`, async () => {
      await using server = await startGithub("/nonexistent");
      await addRepository(server, "app", { id: 42 });
      usedUp(server);
      const session = openSession(apiOfTwo(server), "my-org/app", { signal: never(), defer });
      const hooks = "/repos/my-org/app/hooks";
      const optional = { topic: "hooks", isOptional: true };
      await assert.rejects(session.get(hooks, optional), DeferredError);
      assert.equal((await session.get("/repos/my-org/app")).status, 200);
      assert.equal((await session.get(hooks, optional)).status, 404);
      await assert.rejects(session.get(hooks, { topic: "hooks" }), DeferredError);
      // Nor does the refusal that was good enough for one kind answer another one that begins with the same list.
      const kinds = repositoryKinds.filter(({ name }) => name === "hooks");
      const sharing = sharingAnswers(session, [...kinds, ...kinds]);
      const list = `${hooks}?per_page=100`;
      assert.equal((await sharing.get(list, optional)).status, 404);
      const asked = server.requests.length;
      assert.equal((await sharing.get(list, optional)).status, 404);
      assert.equal(server.requests.length, asked);
      await assert.rejects(sharing.get(list, { topic: "required" }), DeferredError);
    });

    test(`of which ${spent} alone is shown one kind share the load of the others`, async () => {
      await using server = await startGithub("/nonexistent");
      const path = await addRepository(server, "app", { id: 42 });
      server.fault = (asked, { headers }) =>
        asked.endsWith("/hooks") && headers.authorization !== `Bearer ${spent}-token`
          ? { status: 404, body: { message: "Not Found" } }
          : undefined;
      const session = openSession(apiOfTwo(server), "my-org/app", { signal: never(), defer });
      const asking = async (kind: string) => {
        const before = server.requests.length;
        await session.get(`${path}/${kind}?per_page=100`, { topic: kind });
        return server.requests.slice(before).map(({ authorization }) => authorization);
      };
      const [first] = await asking("labels");
      await asking("hooks");
      assert.deepEqual(await asking("hooks"), [`Bearer ${spent}-token`]);
      assert.deepEqual(await asking("milestones"), [first]);
    });
  }

  for (const dead of ["A", "B"]) {
    test(`of which ${dead} is not accepted by git any more and the other one is used up and not shown the repository end with that`, async () => {
      await using server = await startGithub("/nonexistent");
      const api = apiOfTwo(server);
      const asked: (string | undefined)[] = [];
      server.git.switches.answer = ({ headers: { authorization } }, response) => {
        if (authorization !== undefined) asked.push(authorization);
        const isDead = authorization === `Basic ${Buffer.from(`x-access-token:${dead}-token`).toString("base64")}`;
        // Used up from now on, so that the dead one is the one to choose again.
        for (const { name, limits } of api.accounts)
          if (name !== dead && !isDead) limits.blockedUntil.set("core", Date.now() + 3_000_000);
        response.writeHead(isDead || authorization === undefined ? 401 : 404).end();
        return true;
      };
      const session = openSession(api, "my-org/app", { signal: never(), defer: async () => {} });
      const source = {
        name: "repository",
        url: `${server.webUrl}/my-org/app.git`,
        session,
        previous: { unit: undefined, salvage: undefined },
      };
      const { state } = await bundleOf(source).catch(({ code }) => ({ state: code }));
      assert.equal(state, "SOURCE_NOT_FOUND");
      assert.equal(asked.length, new Set(asked).size);
    });
  }

  test("of which none is accepted any more are an error", async () => {
    await using server = await startGithub("/nonexistent");
    server.fault = () => ({ status: 401, body: { message: "Bad credentials" } });
    const connector = await withTwo(server);
    await assert.rejects(connector.prepare(never()), { code: "SOURCE_UNAUTHORIZED" });
  });

  test("that all lack a right are each asked once", async () => {
    await using server = await startGithub("/nonexistent");
    await addRepository(server, "app", { id: 42 });
    server.fault = (path) =>
      path.endsWith("/labels")
        ? { status: 403, body: { message: "Resource not accessible by personal access token" } }
        : undefined;
    const connector = await withTwo(server);
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    await collectAll(connector, unit, context());
    const asked = server.requests.filter(({ path }) => path.endsWith("/labels")).map((one) => one.authorization);
    assert.deepEqual([asked.length, new Set(asked)], [2, new Set(["Bearer A-token", "Bearer B-token"])]);
  });

  test("several share the load, and one that is used up has the others go on", async () => {
    await using server = await startGithub("/nonexistent");
    await addRepository(server, "app", { id: 42 });
    const used: string[] = [];
    const answers = (path: string, authorization: string | undefined) => {
      if (!path.endsWith("/labels")) return undefined;
      used.push(authorization ?? "");
      const reset = String(Math.floor(Date.now() / 1000) + 3000);
      return used.length === 1
        ? {
            status: 403,
            headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
            body: { message: "API rate limit exceeded" },
          }
        : undefined;
    };
    server.fault = (path, request) => answers(path, request.headers.authorization);
    const tokens = [{ token_env: "A" }, { token_env: "B" }];
    const options = { organization: "my-org", api_url: server.apiUrl, skip: ["all"], include: ["labels"], tokens };
    const connector = await github.create(github.options.parse(options), {
      secrets: { resolve: async (reference) => (reference.from === "env" ? `${reference.name}-token` : "") },
      redaction: { add: () => {}, redact: (text) => text },
      now: () => new Date(),
      avoid: [],
    });
    server.anyToken = true;
    const [unit] = await Array.fromAsync(connector.units(never()));
    assert.ok(unit);
    const items = await collectAll(connector, unit, context());
    assert.ok(items.some(({ item }) => item.name === "labels.jsonl"));
    assert.equal(new Set(used).size, 2);
  });
});
