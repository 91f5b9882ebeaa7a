import assert from "node:assert/strict";
import { test } from "node:test";
import { CALL_RETRIERS, TASK_RETRIERS } from "../../../infra/retriers.ts";
import { machineMappings } from "../../../infra/state-machines.ts";
import { aJob } from "../../support/a-backup.ts";

test("every state that calls a function or starts a task tries again what is the service's fault, after what it has of its own", () => {
  const job = aJob();
  const bucket = { name: "a", arn: "arn:aws:s3:::a", prefix: "", more: [], key: undefined };
  const network = { subnets: ["subnet-1"], securityGroups: ["sg-1"], assignPublicIp: "DISABLED" } as const;
  const mappings = machineMappings([[job, { stack: "core-backup-test", bucket, readers: "git", network }]]);
  const [[text] = []] = Object.values(mappings).map((one) => Object.values(one as object).map((entry) => entry.text));
  const found = { "lambda:invoke": 0, "ecs:runTask.sync": 0 };
  JSON.parse(text, (_, value) => {
    const call = String(value?.Resource).replace("arn:aws:states:::", "");
    if (call !== "lambda:invoke" && call !== "ecs:runTask.sync") return value;
    found[call] += 1;
    const added = call === "lambda:invoke" ? CALL_RETRIERS : TASK_RETRIERS;
    assert.deepEqual(value.Retry.slice(-added.length), added, JSON.stringify(value.Arguments));
    // The first that knows an error is the one that counts. Bus and alarm come after these two.
    if (/Notify|Verdict/.test(value.Arguments.FunctionName)) {
      const [retrier] = value.Retry as (typeof CALL_RETRIERS)[number][];
      assert.ok(retrier?.ErrorEquals.includes("Lambda.TooManyRequestsException"));
      assert.ok(retrier && retrier.MaxAttempts * retrier.MaxDelaySeconds <= 600, "nobody hears of the run for longer");
    }
    return value;
  });
  assert.ok(found["lambda:invoke"] >= 10 && found["ecs:runTask.sync"] === 2, JSON.stringify(found));
});
