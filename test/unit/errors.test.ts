import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CodedError, ConfigError, errorCodes, errorRecord, IntegrityError, TransientError } from "../../lib/errors.ts";

test("docs/errors.md has exactly the codes that there are, with their meaning", async () => {
  const text = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` +\| ([^|]+) \|/gm)].map((match) => [match[1], match[2]?.trim()]);
  assert.deepEqual(rows, Object.entries(errorCodes));
});

test("names are literals, so that they survive a minifier and a state machine can match them", () => {
  assert.equal(new IntegrityError("INTEGRITY_MISMATCH", "x").name, "IntegrityError");
  assert.equal(new ConfigError("x").name, "ConfigError");
  assert.equal(Object.keys(new TransientError("SOURCE_UNAVAILABLE", "x")).includes("name"), false);
});

test("a record of an error says whether trying again may help, and is redacted", () => {
  const redact = (text: string) => text.replaceAll("hunter2", "***");
  assert.deepEqual(errorRecord(new TransientError("SOURCE_UNAVAILABLE", "hunter2 said 503"), redact), {
    code: "SOURCE_UNAVAILABLE",
    message: "*** said 503",
    retryable: true,
  });
  assert.equal(errorRecord(new TypeError("x is undefined"), redact).code, "INTERNAL");
  assert.equal(errorRecord("a string was thrown", redact).message, "a string was thrown");
  assert.ok(new IntegrityError("PROOF_FAILED", "x") instanceof CodedError);
});
