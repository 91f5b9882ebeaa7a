import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { kinds } from "../../lib/connectors/github/kinds/all.ts";
import { parentsOf } from "../../lib/connectors/github/parents.ts";
import { readKind } from "../../lib/connectors/github/read-kind.ts";
import { filled } from "../../lib/connectors/github/reading.ts";
import { openSession, type Session } from "../../lib/connectors/github/session.ts";
import { tokenAccount } from "../../lib/connectors/github/token-account.ts";
import { never } from "../contract/connector.ts";
import { type DescribedGithub, noGithubPeers, startDescribedGithub } from "../support/github-peers.ts";

let described: DescribedGithub;
before(async () => {
  if (noGithubPeers === false) described = await startDescribedGithub();
});
after(async () => described?.[Symbol.asyncDispose]());

const context = {
  secrets: { resolve: async () => "token" },
  redaction: { add: () => {}, redact: (text: string) => text },
  now: () => new Date(),
  avoid: [],
};
const PARAMS = { owner: "my-org", repo: "app", org: "my-org", username: "octocat", gist_id: "abc123" };

function session(): Session {
  const accounts = [tokenAccount("token", { from: "env", name: "T" }, context)];
  const api = { url: described.url, accounts, gate: gateOf(4), budget: budgetOf(undefined), now: context.now };
  return openSession(api, "test", { signal: never(), defer: async () => {} });
}

/** The path of one thing. */
const filledIn = (path: string): string => filled(path, { ...PARAMS, ...ONE });
const ONE = { number: "1", project_number: "1", issue_number: "1", pull_number: "1", asset_id: "1" };

/** The faults that GitHub's description finds in the requests that `work` makes. What the examples say does not matter here. */
async function faultsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const from = described.requests.length;
  await work().catch(() => {});
  const made = described.requests.slice(from);
  assert.ok(made.length > 0, "nothing was asked");
  return (
    made
      // GraphQL has a schema of its own, and a test of its own.
      .filter(({ status, url }) => status >= 400 && url !== "/graphql")
      .map(({ method, url, status, fault }) => `${method} ${url}: ${status} ${fault}`)
  );
}

for (const kind of kinds) {
  test(`GitHub's description knows every request for ${kind.subject} ${kind.name}`, {
    skip: noGithubPeers,
  }, async () => {
    const parents = parentsOf(kinds);
    const { reading } = kind;
    if (reading.how === "changed") {
      const parent = kinds.find(({ name }) => name === reading.parent);
      assert.ok(parent);
      parents.begin(parent);
      const children = {
        reactions: { total_count: 1 },
        sub_issues_summary: { total: 1 },
        issue_dependencies_summary: { total_blocked_by: 1 },
      };
      parents.note(parent, { key: "1", json: { id: 1, number: 1, ...children } }, true);
    }
    // What GraphQL is asked is held to its schema in a test of its own.
    if (reading.how === "newest" && reading.pages !== undefined) return;
    const faults = await faultsOf(async () => {
      const read = await readKind({
        kind,
        session: session(),
        params: PARAMS,
        before: undefined,
        previousLines: undefined,
        sweep: true,
        begun: undefined,
        previousParts: 0,
        probe: undefined,
        parents,
      });
      for await (const _ of read.lines());
    });
    assert.deepEqual(faults, []);
    if (reading.how === "list" && reading.inner !== undefined) {
      const { path, param } = reading.inner;
      const inner = path.replace("{owner}", "my-org").replace("{repo}", "app").replace(`{${param}}`, "1");
      assert.deepEqual(await faultsOf(() => session().get(inner)), []);
    }
    if (reading.how !== "newest") return;
    const { whole, windows, each } = reading;
    const since = (path: string) => `${path}&since=2026-01-01T00:00:00Z`;
    for (const path of [whole, ...[windows, each?.over].map((one) => one && since(one)), each?.path])
      if (typeof path === "string") assert.deepEqual(await faultsOf(() => session().get(filledIn(path))), []);
  });
}

/** Asked for by name only where something makes it worth asking: files, and what a check looks up. */
const single: readonly string[] = [
  "/repos/{owner}/{repo}/contents/.gitmodules",
  "/repos/{owner}/{repo}/contents/.lfsconfig",
  "/repos/{owner}/{repo}/issues/{number}",
  "/repos/{owner}/{repo}/issues/{issue_number}/comments?per_page=100",
  "/repos/{owner}/{repo}/pulls/{number}",
  "/orgs/{org}/projectsV2/{project_number}/fields?per_page=100",
  "/orgs/{org}/projectsV2/{project_number}/items?per_page=100",
];
for (const path of single) {
  test(`GitHub's description knows ${path}`, { skip: noGithubPeers }, async () => {
    assert.deepEqual(await faultsOf(() => session().get(filledIn(path))), []);
  });
}

test("GitHub's description knows the request for a file of a release", { skip: noGithubPeers }, async () => {
  const url = described.url + filledIn("/repos/{owner}/{repo}/releases/assets/{asset_id}");
  assert.deepEqual(await faultsOf(async () => (await session().file(url)).body?.cancel()), []);
});

for (const [what, options] of [
  ["an organization", { organization: "my-org" }],
  ["a user", { user: "octocat" }],
] as const) {
  test(`GitHub's description knows what an App asks for to read ${what}`, { skip: noGithubPeers }, async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const app = { id: 99, private_key_env: "KEY" };
    const parsed = github.options.parse({ ...options, api_url: described.url, app });
    const connector = await github.create(parsed, { ...context, secrets: { resolve: async () => pem } });
    const from = described.requests.length;
    assert.deepEqual(await faultsOf(() => connector.prepare(never())), []);
    assert.ok(described.requests.slice(from).some(({ method, url }) => method === "POST" && url.startsWith("/app/")));
  });
}

const listings: readonly (readonly [string, object])[] = [
  ["an organization", { organization: "my-org" }],
  ["a user", { user: "octocat" }],
  ["a user's gists and those with a star", { user: "octocat", include: ["gists_starred"] }],
  ["somebody else", { user: "somebody" }],
  ["a repository by name", { repositories: ["my-org/app"] }],
];
for (const [what, options] of listings) {
  test(`GitHub's description knows every request for listing ${what}`, { skip: noGithubPeers }, async () => {
    const connector = await github.create(github.options.parse({ ...options, api_url: described.url }), context);
    assert.deepEqual(await faultsOf(() => Array.fromAsync(connector.units(never()))), []);
  });
}

test("the description does refuse a wrong path, and a parameter with a wrong name or value", {
  skip: noGithubPeers,
}, async () => {
  for (const path of ["isues", "issues?state=al", "issues?per_pge=100"])
    assert.equal((await faultsOf(() => session().get(`/repos/my-org/app/${path}`))).length, 1, path);
});

test("a header that GitHub does not know, or with a value that it does not, is refused", {
  skip: noGithubPeers,
}, async () => {
  const good = {
    accept: "application/vnd.github+json",
    authorization: "Bearer token",
    "x-github-api-version": "2022-11-28",
  };
  const { authorization, "x-github-api-version": version, ...rest } = good;
  const faults = (headers: Record<string, string>) =>
    faultsOf(() => fetch(`${described.url}/repos/my-org/app/issues`, { headers }));
  assert.deepEqual(await faults(good), []);
  for (const [wrong, why] of [
    [{ ...good, accept: "application/octet-stream" }, /Accept: application\/octet-stream is not described$/],
    [{ ...good, "x-github-api-version": "2022-11-29" }, /no version 2022-11-29/],
    [{ ...rest, authorization, "x-github-api-verson": version }, /no header x-github-api-verson/],
    [{ ...rest, authorization }, /no version undefined/],
    [{ ...rest, "x-github-api-version": version }, /Authorization/],
  ] as const) {
    const found = await faults(wrong);
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", why);
  }
});

/** Every path of the API that the connector's sources name, a pattern for what stands in for its parameters. */
function namedPaths(): readonly string[] {
  const folder = join(import.meta.dirname, "../../lib/connectors/github");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8"));
  const literals = texts.flatMap(
    (text) => text.match(/(?<=["`])\/(?:\$\{[^}]*\}|[a-z_]+)(?:\/(?:\$\{.*?\}|[^"`\s\u0080-\uffff])*)?(?=["`])/g) ?? [],
  );
  return [...new Set(literals)].filter((path) => !NO_REST.has(starred(path)));
}

/** GraphQL's, which has a schema and a test of its own, where an Enterprise Server has its API, and a page that tells of a right that is missing. */
const NO_REST: ReadonlySet<string> = new Set([
  "/graphql",
  "/api/v3",
  "/login",
  "/user/",
  // Where GitHub's redirects of renamed repositories lead; its description lacks it.
  "/repositories/*",
]);

/** What the code puts together is not known here. */
const starred = (path: string): string => path.replace(/\$\{.*?\}/g, "*");

test("no request that the connector can make was left out above", { skip: noGithubPeers }, () => {
  const asked = described.requests.map(({ url }) => new URL(url, "http://any"));
  const unseen = namedPaths().filter((named) => {
    // What the code puts together may be several parts of a path.
    const [path = "", query = ""] = starred(named).split("?");
    const parts = path.split(/(\*|\{\w+\})/).map((part, n) => {
      if (n % 2 === 0) return RegExp.escape(part);
      return part === "*" ? ".+" : "[^/]+";
    });
    const pattern = new RegExp(`^${parts.join("")}$`);
    // A parameter's value may be one of several.
    const wanted = [...new URLSearchParams(query)].filter(([, value]) => value !== "*");
    return !asked.some(
      (url) =>
        pattern.test(decodeURI(url.pathname)) && wanted.every(([name, value]) => url.searchParams.get(name) === value),
    );
  });
  assert.deepEqual(unseen, []);
  assert.ok(namedPaths().length > 80, "they are found in the sources");
});
