import type { Job } from "../lib/config/schema.ts";
import { functionLogicalId } from "./functions.ts";
import { logicalId } from "./names.ts";
import { machineLogicalId } from "./state-machines.ts";

/**
 * A run that a person stops, or that its time limit ends, goes through none of its states any more. So a rule of each job
 * has `notify` tell of it, by what Step Functions itself announces on the account's default bus.
 */
export function stoppedRunResources(job: Job): Record<string, unknown> {
  const id = `${logicalId(job.name)}Stopped`;
  const target = { "Fn::GetAtt": [functionLogicalId("notify"), "Arn"] };
  return {
    [id]: {
      Type: "AWS::Events::Rule",
      Properties: {
        Description: `core-backup: tells of runs of job ${job.name} that were stopped`,
        EventPattern: {
          source: ["aws.states"],
          "detail-type": ["Step Functions Execution Status Change"],
          detail: { status: ["ABORTED", "TIMED_OUT"], stateMachineArn: [{ Ref: machineLogicalId(job.name) }] },
        },
        Targets: [
          {
            Id: "notify",
            Arn: target,
            InputTransformer: {
              InputPathsMap: {
                status: "$.detail.status",
                execution: "$.detail.name",
                arn: "$.detail.executionArn",
              },
              // A `<` in a name would begin a variable.
              InputTemplate: `{"outcome": {"job": ${JSON.stringify(job.name).replaceAll("<", "\\u003c")}, "status": "interrupted", "stopped": "<status>", "execution": "<execution>", "executionArn": "<arn>"}}`,
            },
          },
        ],
      },
    },
    [`${id}Permission`]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunction",
        FunctionName: target,
        Principal: "events.amazonaws.com",
        SourceArn: { "Fn::GetAtt": [id, "Arn"] },
      },
    },
  };
}
