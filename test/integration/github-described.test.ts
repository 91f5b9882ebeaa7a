import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { kinds } from "../../lib/connectors/github/kinds/all.ts";
import { parentsOf } from "../../lib/connectors/github/parents.ts";
import { readKind } from "../../lib/connectors/github/read-kind.ts";
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
    if (reading.how !== "newest") return;
    for (const path of [
      reading.whole,
      reading.windows === undefined ? undefined : `${reading.windows}&since=2026-01-01T00:00:00Z`,
    ]) {
      if (path === undefined) continue;
      assert.deepEqual(
        await faultsOf(() => session().get(path.replace("{owner}", "my-org").replace("{repo}", "app"))),
        [],
      );
    }
  });
}

const listings: readonly (readonly [string, object])[] = [
  ["an organization", { organization: "my-org" }],
  ["a user", { user: "octocat" }],
  ["somebody else", { user: "somebody" }],
  ["a repository by name", { repositories: ["my-org/app"] }],
];
for (const [what, options] of listings) {
  test(`GitHub's description knows every request for listing ${what}`, { skip: noGithubPeers }, async () => {
    const connector = await github.create(github.options.parse({ ...options, api_url: described.url }), context);
    assert.deepEqual(await faultsOf(() => Array.fromAsync(connector.units(never()))), []);
  });
}

test("the description does refuse a wrong path and a wrong parameter", { skip: noGithubPeers }, async () => {
  assert.equal((await faultsOf(() => session().get("/repos/my-org/app/isues"))).length, 1);
  assert.equal((await faultsOf(() => session().get("/repos/my-org/app/issues?state=al"))).length, 1);
});
