import assert from "node:assert/strict";
import { test } from "node:test";
import { keptSecrets } from "../../lib/kept-secrets.ts";

test("a secret is kept for its time and no longer", () => {
  let time = 0;
  const kept = keptSecrets(1_000, () => new Date(time));
  kept.set("a", "one");
  time = 999;
  assert.equal(kept.get("a"), "one");
  time = 1_000;
  assert.equal(kept.get("a"), undefined);
});

test("what was not used is not forgotten: its refusal says nothing of the others", () => {
  const kept = keptSecrets(1_000, () => new Date(0));
  kept.set("a", "one");
  kept.begin();
  assert.equal(kept.forgetUsed(), false);
  assert.equal(kept.get("a"), "one");
  assert.equal(kept.forgetUsed(), true);
  assert.equal(kept.get("a"), undefined);
});
