import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../../lib/printable.ts";

test("what could steer a terminal or break a line is shown as an escape", () => {
  assert.equal(printable("a\nb\tc"), "a\\x0ab\\x09c");
  assert.equal(printable("\u001b[2Jgone"), "\\x1b[2Jgone");
  assert.equal(printable("x\u009b31m"), "x\\x9b31m");
  assert.equal(printable("txt.\u202egnp"), "txt.\\u202egnp");
  assert.equal(printable("plain é 文"), "plain é 文");
});
