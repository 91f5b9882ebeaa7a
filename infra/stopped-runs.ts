import type { Job } from "../lib/config/schema.ts";
import { functionLogicalId } from "./functions.ts";
import { logicalId } from "./names.ts";
import { machineLogicalId } from "./state-machines.ts";

/** Later than that, the next run is near. */
const LATEST_SECONDS = 3_600;
const deadLetters = { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] };

/**
 * A run that a person stops, or that its time limit ends, goes through none of its states any more. So a rule of each job
 * has `notify` tell of it, by what Step Functions itself announces on the account's default bus;
 * what cannot be told for good lies in the queue of starts that failed, and is an alarm as they are: what EventBridge could not
 * give to `notify`, and what `notify` failed at, or told nobody of, each time that Lambda called it.
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
            RetryPolicy: { MaximumRetryAttempts: 10, MaximumEventAgeInSeconds: LATEST_SECONDS },
            DeadLetterConfig: { Arn: deadLetters },
            InputTransformer: {
              InputPathsMap: {
                status: "$.detail.status",
                execution: "$.detail.name",
                arn: "$.detail.executionArn",
                redrives: "$.detail.redriveCount",
              },
              // A `<` in a name would begin a variable.
              InputTemplate: `{"outcome": {"job": ${JSON.stringify(job.name).replaceAll("<", "\\u003c")}, "status": "interrupted", "stopped": "<status>", "execution": "<execution>", "redrives": "<redrives>", "executionArn": "<arn>"}}`,
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

/** What `notify` may do beside its work: Lambda sends to that queue by its role. */
export const untoldStatements = [{ Effect: "Allow", Action: ["sqs:SendMessage"], Resource: deadLetters }] as const;

/** What all rules share: EventBridge, for rules of this account and region, and Lambda for `notify`, send what failed to that queue. */
export function untoldRunsResources(): Record<string, unknown> {
  const rules = { "Fn::Sub": `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/*` };
  return {
    // For the rules' calls alone: the state machine waits for those that it makes.
    StoppedRunsUntold: {
      Type: "AWS::Lambda::EventInvokeConfig",
      Properties: {
        FunctionName: { Ref: functionLogicalId("notify") },
        Qualifier: "$LATEST",
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: deadLetters } },
      },
    },
    ScheduleDeadLettersPolicy: {
      Type: "AWS::SQS::QueuePolicy",
      Properties: {
        Queues: [{ Ref: "ScheduleDeadLetters" }],
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Principal: { Service: "events.amazonaws.com" },
              Action: "sqs:SendMessage",
              Resource: deadLetters,
              Condition: { ArnLike: { "aws:SourceArn": rules } },
            },
          ],
        },
      },
    },
  };
}
