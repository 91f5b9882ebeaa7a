import assert from "node:assert/strict";
import { test } from "node:test";
import { shellWord } from "../../lib/shell-word.ts";

test("inside a checkout npx finds it, and elsewhere its whole path does", () => {
  assert.equal(programName({ PATH: "" }, CHECKOUT), "npx core-backup");
  assert.equal(programName({ PATH: "" }, join(CHECKOUT, "docs")), "npx core-backup");
  assert.equal(programName({ PATH: "" }, tmpdir()), shellWord(join(CHECKOUT, "bin/core-backup.js")));
});
