import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ConfigError, LeaseHeldError, StorageError, TransientError } from "../../lib/errors.ts";
import { carryingCode, failedStep } from "../../lib/failed-step.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";

/** As Lambda's runtime for Node hands over what a function threw, and Step Functions puts it into a caught error. */
function caught(thrown: unknown) {
  assert.ok(thrown instanceof Error);
  const cause = { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack?.split("\n") ?? [] };
  return { error: thrown.name, cause: JSON.stringify(cause) };
}

test("the code of what a function threw arrives, and the name by which the state machine routes stays", () => {
  const errors = [
    [new StorageError("STORAGE_UNAUTHORIZED", "s3 does not know the key\nat all"), "StorageError", false],
    [new ConfigError("S3_BUCKET is not set", { code: "SECRET_MISSING" }), "ConfigError", false],
    [new TransientError("SOURCE_UNAVAILABLE", "503"), "TransientError", true],
  ] as const;
  for (const [thrown, name, retryable] of errors) {
    const { code, message } = thrown;
    const { error, cause } = caught(carryingCode(thrown, String));
    assert.equal(error, name);
    assert.deepEqual(failedStep({ step: "plan", error, cause }), { code, message: `plan: ${message}`, retryable });
  }
});

test("what was thrown without a code, by Lambda or by ourselves, is INTERNAL with its name", () => {
  const ofLambda = JSON.stringify({ errorMessage: "2026-11-26T03:00:00.000Z 1f Task timed out after 900.00 seconds" });
  assert.deepEqual(failedStep({ step: "finish", error: "Sandbox.Timedout", cause: ofLambda }), {
    code: "INTERNAL",
    message: "finish: Sandbox.Timedout: 2026-11-26T03:00:00.000Z 1f Task timed out after 900.00 seconds",
    retryable: false,
  });
  const ours = caught(carryingCode(new TypeError("NO_SUCH_CODE: x is not a function"), String));
  assert.equal(failedStep({ step: "plan", ...ours }).code, "INTERNAL");
  assert.equal(failedStep({ step: "verify", error: "States.Runtime", cause: "not JSON" }).code, "INTERNAL");
});

test("who holds a lease is shown as it is", () => {
  const held = new LeaseHeldError("backup-1 works on docs", {});
  const { name, message } = carryingCode(held, String);
  assert.deepEqual([name, message], ["LeaseHeldError", "backup-1 works on docs"]);
});

test("of what a function throws no secret leaves, neither in its message and stack nor in what it was caused by", () => {
  const redaction = createRedaction();
  redaction.add("canary-4711");
  const cause = Object.assign(new TypeError("canary-4711"), { response: "canary-4711" });
  const coded = Object.assign(new StorageError("STORAGE_FAILED", "canary-4711 failed", { cause }), { key: cause });
  for (const thrown of [coded, new LeaseHeldError("canary-4711 holds it", {}), cause, "canary-4711"]) {
    const told = carryingCode(thrown, redaction.redact);
    assert.match(told.message, /\*\*\*/);
    assert.match(told.stack ?? "", /\*\*\*/);
    assert.doesNotMatch(inspect(told, { depth: null, showHidden: true }), /canary/);
  }
});
