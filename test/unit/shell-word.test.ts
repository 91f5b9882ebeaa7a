import assert from "node:assert/strict";
import { test } from "node:test";
import { shellWord } from "../../lib/shell-word.ts";

test("what a shell would split or expand is quoted", () => {
  const cases: [string, string][] = [
    ["config/examples/quickstart.yml", "config/examples/quickstart.yml"],
    ["my backups.yml", "'my backups.yml'"],
    ["it's", "'it'\\''s'"],
    ["~x", "'~x'"],
    ["$HOME;x", "'$HOME;x'"],
    ["", "''"],
  ];
  for (const [word, quoted] of cases) assert.equal(shellWord(word), quoted);
});
