import assert from "node:assert/strict";
import { test } from "node:test";
import { deploymentFault } from "../../../lib/deployment/deployment-fault.ts";
import { CodedError } from "../../../lib/errors.ts";

const STACK = { service: "core-backup", stage: "prod", region: "eu-central-1" };

test("what AWS throws becomes a code that says whether to sign in, to look elsewhere, or to try again", () => {
  const thrown = (name: string, httpStatusCode?: number) =>
    Object.assign(new Error("of AWS"), { name, $metadata: { httpStatusCode } });
  const codes = [
    thrown("CredentialsProviderError"),
    thrown("ExpiredTokenException", 400),
    thrown("AccessDeniedException", 400),
    thrown("ExecutionDoesNotExist", 400),
    thrown("ThrottlingException", 400),
    thrown("TimeoutError"),
    thrown("SomethingElse", 503),
    thrown("InvalidArn", 400),
  ].map((error) => {
    const fault = deploymentFault(error, STACK);
    assert.ok(fault instanceof CodedError);
    assert.match(fault.message, /^core-backup-prod in eu-central-1: /);
    return [fault.code, fault.name];
  });
  assert.deepEqual(codes, [
    ["DEPLOYMENT_FORBIDDEN", "CodedError"],
    ["DEPLOYMENT_FORBIDDEN", "CodedError"],
    ["DEPLOYMENT_FORBIDDEN", "CodedError"],
    ["DEPLOYMENT_NOT_FOUND", "CodedError"],
    ["DEPLOYMENT_UNAVAILABLE", "TransientError"],
    ["DEPLOYMENT_UNAVAILABLE", "TransientError"],
    ["DEPLOYMENT_UNAVAILABLE", "TransientError"],
    ["DEPLOYMENT_UNAVAILABLE", "CodedError"],
  ]);
});
