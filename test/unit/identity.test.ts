import assert from "node:assert/strict";
import { test } from "node:test";
import { wholeOf } from "../../lib/identity.ts";

test("a part's identity names its whole, and what is no part has none", () => {
  assert.equal(wholeOf("repository:42/git"), "repository:42");
  assert.equal(wholeOf("repository:42"), undefined);
  assert.equal(wholeOf("/git"), undefined);
  assert.equal(wholeOf(undefined), undefined);
});
