import assert from "node:assert/strict";
import { test } from "node:test";
import { runHook } from "../../../lib/hooks/hooks.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const SECRET = "canary4711-of-a-hook";

/** Prints `x` so often, the secret, and a line of its own. */
const program = (before: number) =>
  `process.stdout.write("x".repeat(${before}) + "${SECRET}" + "y".repeat(100000) + "\\nnext line\\n")`;

test("a secret is not told in halves, wherever in a line without end it stands", async () => {
  // Output comes in pieces of 64 KiB or more: around each of their ends, and around what is held of a line.
  for (const end of [65_536, 65_537, 131_072]) {
    const { backup, lines } = aBackup();
    backup.redaction.add(SECRET);
    const hook = { argv: ["node", "-e", program(end - 8)], timeoutMs: 60_000, env: [] };
    const job = aJob({ hooks: { before: hook } });
    await runHook(backup, job, "before", {}, new AbortController().signal);
    const text = lines.join("\n");
    assert.match(text, /before: x+/);
    assert.match(text, /before: next line/);
    for (let from = 0; from + 8 <= SECRET.length; from += 1) {
      assert.ok(!text.includes(SECRET.slice(from, from + 8)), `${SECRET.slice(from)} is in the log`);
    }
  }
});
