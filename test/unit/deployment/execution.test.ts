import assert from "node:assert/strict";
import { test } from "node:test";
import { executionOf } from "../../../lib/deployment/execution.ts";
import { consoleLink } from "../../../lib/deployment/stack.ts";

const ARN = "arn:aws:states:eu-central-1:1:execution:core-backup-prod-docs:e1";
const described = { executionArn: ARN, name: "e1", startDate: new Date("2026-11-26T03:00:00Z") };
const thrown = (outcome: object) => JSON.stringify({ errorType: "x", errorMessage: JSON.stringify(outcome) });

test("an execution ends as its run did", () => {
  const statuses = [
    { status: "RUNNING" },
    { status: "PENDING_REDRIVE" },
    { status: "SUCCEEDED", output: JSON.stringify({ job: "docs", status: "ok", snapshot: "2026-11-26T030000Z" }) },
    { status: "SUCCEEDED", output: JSON.stringify({ job: "docs", status: "refused", reason: "held by run 01J" }) },
    { status: "FAILED", error: "BackupPartial", cause: thrown({ job: "docs", totals: { units: 3, failed: 2 } }) },
    { status: "FAILED", error: "BackupFailed", cause: thrown({ job: "docs", refused: "too many removals" }) },
    { status: "FAILED", error: "States.Runtime", cause: "it was wrong" },
    { status: "ABORTED" },
    { status: "TIMED_OUT" },
  ].map((one) => executionOf({ ...described, ...one }));
  assert.deepEqual(
    statuses.map(({ status, reason, snapshot }) => [status, reason, snapshot].filter((part) => part !== undefined)),
    [
      ["running"],
      ["running"],
      ["ok", "2026-11-26T030000Z"],
      ["refused", "held by run 01J"],
      ["partial", "2 of 3 units failed"],
      ["failed", "too many removals"],
      ["failed", "States.Runtime: it was wrong"],
      ["stopped", "it was stopped by hand"],
      ["stopped", "it did not end within the time that its state machine allows"],
    ],
  );
});

test("the reason of a step that failed is the step, the error and what it said, in one line", () => {
  const cause = JSON.stringify({
    errorType: "ConfigError",
    errorMessage: "CONFIG_INVALID: job docs has no unit x\n(did you mean y?)",
  });
  const outcome = { job: "docs", status: "failed", step: "plan", error: "ConfigError", cause };
  const { reason } = executionOf({ ...described, status: "FAILED", error: "BackupFailed", cause: thrown(outcome) });
  assert.equal(reason, "CONFIG_INVALID: plan: job docs has no unit x (did you mean y?)");
});

test("the console's link is that of the partition that the execution is in", () => {
  assert.equal(
    consoleLink(ARN),
    `https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/${ARN}`,
  );
  const china = ARN.replace("arn:aws:", "arn:aws-cn:").replace("eu-central-1", "cn-north-1");
  assert.match(consoleLink(china), /^https:\/\/cn-north-1\.console\.amazonaws\.cn\/states/);
});
