import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { faultLine, faultWithSource, maskedLine, withSource } from "../../../lib/config/faults.ts";
import type { ConfigFault } from "../../../lib/errors.ts";

const fault = {
  file: "backup.yml",
  line: 3,
  column: 5,
  path: "jobs[0].schedul",
  message: "unknown key (did you mean schedule?)",
};

/** The fault in a file of these lines. */
function known(one: ConfigFault, ...lines: readonly string[]): ConfigFault {
  withSource([one], lines.join("\n"));
  return one;
}

test("a fault is one line that an editor can follow", () => {
  assert.equal(faultLine(fault), "backup.yml:3:5: jobs[0].schedul: unknown key (did you mean schedule?)");
  assert.equal(faultLine({ ...fault, path: "", message: "is empty" }), "backup.yml:3:5: is empty");
});

test("a fault stays one line, and harmless to a terminal, whatever the names in it", () => {
  assert.equal(faultLine({ ...fault, path: 'storage["a\u001b[2J\n"]' }).includes("\n"), false);
  assert.equal(faultLine({ ...fault, path: 'storage["a\u001b[2J\n"]' }).includes("\u001b"), false);
});

test("with its source, the caret is below the place", () => {
  const told = known({ ...fault }, "jobs:", "  - name: a", "    schedul: x");
  assert.equal(
    faultWithSource(told),
    ["backup.yml:3:5: jobs[0].schedul: unknown key (did you mean schedule?)", "3 |     schedul: x", "        ^"].join(
      "\n",
    ),
  );
});

test("colour is only added when it is asked for", () => {
  const told = known({ ...fault }, "", "", "    schedul: x");
  assert.equal(faultWithSource(told).includes("\u001b"), false);
  assert.ok(faultWithSource(told, true).includes("\u001b[31m^\u001b[0m"));
});

test("a fault without its source is its line", () => {
  assert.equal(faultWithSource({ ...fault }), faultLine(fault));
});

test("the source is kept beside the fault and not in it, so that JSON has the documented fields only", () => {
  const told = known({ ...fault }, "", "", "    schedul: x");
  assert.deepEqual(Object.keys(told), ["file", "line", "column", "path", "message"]);
});

test("a misspelt secret is masked like one that is spelt right", () => {
  const secret = { ...fault, column: 3, message: "a secret cannot stand in the configuration: use token_env" };
  const told = known(secret, "", "", "  tokn: hunter2");
  assert.equal(faultWithSource(told).includes("hunter2"), false);
});

describe("what may be a secret is masked in a source line", () => {
  const cases: readonly [string, string][] = [
    ["  token: hunter2", "  token: ***"],
    ['  "password": "hunter2" # mine', '  "password": ***'],
    ["  - { url: x, token: hunter2, nam: y }", "  - { url: x, token: ***"],
    ["  webhook: https://hooks.example.com/T0/B0/x", "  webhook: ***"],
    ["  token_env: hunter2!", "  token_env: ***"],
    ["  token_env: NAME", "  token_env: NAME"],
    ["  token_file: /run/secrets/token", "  token_file: /run/secrets/token"],
    ["  - https://user:hunter2@git.example.com/a.git", "  - https://user:***@git.example.com/a.git"],
    ["  - ghp_0123456789abcdefghijABCDEFGHIJ012345", "  - ***"],
    [
      "  base_path: /var/backups/a-long-name-of-a-folder/2026",
      "  base_path: /var/backups/a-long-name-of-a-folder/2026",
    ],
    ["  token:", "  token:"],
  ];
  for (const [line, expected] of cases) test(line.trim(), () => assert.equal(maskedLine(line), expected));
});
