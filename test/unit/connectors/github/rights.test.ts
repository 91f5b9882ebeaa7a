import assert from "node:assert/strict";
import { test } from "node:test";
import { granted } from "../../../../lib/connectors/github/rights.ts";

test("a scope of a classic token brings along what GitHub says, and no more", () => {
  const cases: readonly [string, string, boolean][] = [
    ["repo", "repo, gist", true],
    ["security_events", "repo", true],
    ["repo", "public_repo", false],
    ["read:org", "write:org", true],
    ["admin:org", "write:org", false],
    ["read:packages", "write:packages", true],
    ["read:packages", "delete:packages", false],
    ["read:project", "project", true],
    ["admin:org_hook", "admin:org", false],
    ["admin:org_hook", "admin:org_hook", true],
    ["gist", "", false],
  ];
  for (const [needed, scopes, expected] of cases)
    assert.equal(granted(needed, scopes), expected, `${needed} by "${scopes}"`);
});

test("what everybody may read needs no scope", () => {
  assert.equal(granted("", ""), true);
});
