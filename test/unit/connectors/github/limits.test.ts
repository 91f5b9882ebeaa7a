import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { budgetOf } from "../../../../lib/connectors/github/budget.ts";
import { gateOf } from "../../../../lib/connectors/github/gate.ts";
import { limitedUntil, noteLimits, serverFault } from "../../../../lib/connectors/github/limits.ts";
import { aGithubAccount } from "../../../support/github-account.ts";

const NOW = Date.parse("2026-11-22T03:00:00Z");
const answer = (status: number, headers: Record<string, string> = {}, message = "") => ({
  status,
  headers: new Headers(headers),
  json: { message },
  bytes: 0,
});

describe("limits", () => {
  const cases: readonly [string, ReturnType<typeof answer>, number, number | undefined][] = [
    ["retry-after counts seconds", answer(403, { "retry-after": "30" }), 1, 30_000],
    [
      "retry-after comes before the reset",
      answer(429, { "retry-after": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1000 + 900) }),
      1,
      5_000,
    ],
    [
      "a used-up limit lasts until its reset, and a second",
      answer(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1000 + 900) }),
      1,
      901_000,
    ],
    [
      "a secondary limit without a moment lasts a minute",
      answer(403, {}, "You have exceeded a secondary rate limit"),
      1,
      60_000,
    ],
    ["and longer each time", answer(403, {}, "You have exceeded a secondary rate limit"), 3, 240_000],
    [
      "but never longer than a quarter of an hour and a minute",
      answer(403, {}, "You have exceeded a secondary rate limit"),
      12,
      960_000,
    ],
    ["429 alone is one, too", answer(429), 1, 60_000],
    [
      "403 for want of a right is none",
      answer(403, { "x-ratelimit-remaining": "10" }, "Resource not accessible by integration"),
      1,
      undefined,
    ],
    ["404 is none", answer(404, { "x-ratelimit-remaining": "0" }), 1, undefined],
  ];
  for (const [title, given, times, waitMs] of cases) {
    test(title, () => {
      const until = limitedUntil(aGithubAccount(), given, "core", times, NOW);
      assert.equal(until === undefined ? undefined : until - NOW, waitMs);
    });
  }

  test("a secondary limit is the user's: it blocks REST and GraphQL, whichever met it; an hour that is used up is the resource's", () => {
    for (const [given, blocked] of [
      [answer(403, { "retry-after": "30" }), ["core", "graphql"]],
      [answer(429), ["core", "graphql"]],
      [answer(403, {}, "You have exceeded a secondary rate limit"), ["core", "graphql"]],
      [answer(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1000 + 900) }), ["graphql"]],
      [{ ...answer(200), json: { errors: [{ type: "RATE_LIMITED" }] } }, ["graphql"]],
    ] as const) {
      const account = aGithubAccount();
      limitedUntil(account, given, "graphql", 1, NOW);
      assert.deepEqual([...account.limits.blockedUntil.keys()], blocked);
    }
  });

  test("a server that asks to come back at a moment is asked again then, as one that names seconds", () => {
    const at = new Date(Date.now() + 90_000).toUTCString();
    const waits = ["120", at, "soon"].map(
      (text) => serverFault(answer(503, { "retry-after": text }), "x")?.retryAfterMs,
    );
    assert.equal(waits[0], 120_000);
    assert.ok(Number(waits[1]) > 60_000 && Number(waits[1]) <= 90_000, `${waits[1]}`);
    assert.equal(waits[2], 0);
    assert.equal(serverFault(answer(404), "x"), undefined);
  });

  test("the answer that uses a limit up blocks its resource before the first refusal", () => {
    const account = aGithubAccount();
    noteLimits(
      account,
      answer(200, {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": String(NOW / 1000 + 60),
        "x-ratelimit-resource": "graphql",
      }),
      NOW,
    );
    assert.deepEqual([...account.limits.blockedUntil], [["graphql", NOW + 61_000]]);
  });

  test("a budget is kept to by GitHub's own count too, which knows of requests that others sent", () => {
    const { perAccount } = budgetOf(100, 2);
    const used = (remaining: number, resource = "core") => {
      const account = aGithubAccount();
      const headers = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": String(remaining),
        "x-ratelimit-reset": String(NOW / 1000 + 60),
        "x-ratelimit-resource": resource,
      };
      noteLimits(account, answer(200, headers), NOW, perAccount);
      return account.limits.blockedUntil.get(resource);
    };
    assert.equal(used(4951), undefined);
    assert.equal(used(4950), NOW + 61_000);
    assert.equal(used(4000, "graphql"), undefined);
  });

  test("a budget lets so many requests through in any hour", () => {
    const budget = budgetOf(2);
    budget.spend(NOW);
    assert.ok(budget.freeAt(NOW + 1000) <= NOW + 1000);
    budget.spend(NOW + 1000);
    assert.equal(budget.freeAt(NOW + 2000), NOW + 3_600_000);
    budget.spend(NOW + 3_600_000);
    assert.equal(budget.freeAt(NOW + 3_600_001), NOW + 1000 + 3_600_000);
  });

  test("a gate lets so many in at once, and the others in their order", async () => {
    const gate = gateOf(2);
    const events: string[] = [];
    let inside = 0;
    await Promise.all(
      ["a", "b", "c", "d"].map((name) =>
        gate(async () => {
          inside += 1;
          assert.ok(inside <= 2);
          events.push(name);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    assert.deepEqual(events, ["a", "b", "c", "d"]);
  });
});
