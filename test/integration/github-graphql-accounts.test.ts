import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { askGraphql } from "../../lib/connectors/github/graphql.ts";
import { openSession } from "../../lib/connectors/github/session.ts";
import { DeferredError } from "../../lib/errors.ts";
import { aGithubAccount } from "../support/github-account.ts";
import { type Fault, type GithubServer, startGithub } from "../support/github-server.ts";

type Answers = Readonly<Record<string, Fault>>;

const shown: Fault = { status: 200, body: { data: { repository: { name: "app" } } } };
const hidden: Fault = {
  status: 200,
  body: { data: { repository: null }, errors: [{ type: "FORBIDDEN", message: "no right" }] },
};
const usedUp = (): Fault => ({
  status: 200,
  headers: {
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String(Math.floor(Date.now() / 1000) + 3000),
    "x-ratelimit-resource": "graphql",
  },
  body: { errors: [{ type: "RATE_LIMITED", message: "API rate limit exceeded" }] },
});

/** Two accounts that each get an answer of their own; whoever has to wait is put off. */
function sessionOf(server: GithubServer, answers: Answers, isSteady = false) {
  server.anyToken = true;
  server.fault = (path, { headers }) =>
    path === "/graphql" ? answers[headers.authorization ?? ""] : { status: 200, body: {} };
  const accounts = ["A", "B"].map((name) => ({ ...aGithubAccount(), name, authorization: async () => name }));
  const api = { url: server.apiUrl, accounts, gate: gateOf(1), budget: budgetOf(undefined), now: () => new Date() };
  const defer = async (until: Date) => Promise.reject(new DeferredError(until, "waits"));
  return openSession(api, "one", { signal: new AbortController().signal, defer }, { isSteady });
}

const orders = [
  ["A", "B"],
  ["B", "A"],
] as const;

for (const [one, other] of orders)
  test(`a question goes on with ${other} where the points of ${one} are used up, also while repositories are listed`, async () => {
    await using server = await startGithub("/nonexistent");
    for (const isSteady of [false, true]) {
      const session = sessionOf(server, { [one]: usedUp(), [other]: shown }, isSteady);
      for (let times = 0; times < 2; times += 1)
        assert.deepEqual((await askGraphql(session, "query", {})).data.repository, { name: "app" });
    }
  });

test("what one account is not shown by a question is asked with the others where everyone is asked", async () => {
  await using server = await startGithub("/nonexistent");
  const everyone = { everyone: true };
  for (const [one, other] of orders) {
    const session = sessionOf(server, { [one]: hidden, [other]: shown });
    const { data, refusal } = await askGraphql(session, "query", {}, everyone);
    assert.deepEqual([data.repository, refusal], [{ name: "app" }, undefined]);
  }
  server.requests.length = 0;
  const { refusal } = await askGraphql(sessionOf(server, { A: hidden, B: hidden }), "query", {}, everyone);
  assert.equal(refusal?.status, 403);
  const asked = server.requests.map(({ authorization }) => authorization);
  assert.deepEqual([asked.length, new Set(asked)], [2, new Set(["A", "B"])]);
  await askGraphql(sessionOf(server, { A: hidden, B: hidden }), "query", {});
  assert.equal(server.requests.length, 3, "of many things at once one account's answer is enough");
});

test("a refusal of a question is waited for where what it asks about has to be there, and else is not", async () => {
  await using server = await startGithub("/nonexistent");
  for (const [one, other] of orders) {
    const session = sessionOf(server, { [one]: hidden, [other]: usedUp() });
    // Both were shown something else of the repository.
    for (const account of session.api.accounts) session.choice.saw(account);
    const optional = {
      ...session,
      question: (body: unknown, options = {}) => session.question(body, { ...options, isOptional: true }),
    };
    await assert.rejects(askGraphql(session, "query", {}, { everyone: true }), DeferredError);
    assert.equal((await askGraphql(optional, "query", {}, { everyone: true })).refusal?.status, 403);
  }
});
