import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withKinds } from "../../../scripts/github-kinds.ts";

test("docs/github.md has the kinds that the code has (node scripts/github-kinds.ts writes them)", () => {
  const page = readFileSync(new URL("../../../docs/github.md", import.meta.url), "utf8");
  assert.equal(withKinds(page), page);
});
