import type { Job } from "../lib/config/schema.ts";
import { awsName } from "../lib/deployment/names.ts";
import { eventBridgeCron } from "./eventbridge-cron.ts";
import { logicalId } from "./names.ts";
import { roleFor } from "./roles.ts";
import { machineLogicalId } from "./state-machines.ts";

/** EventBridge's, a day. */
export const MOST_FLEXIBLE_MINUTES = 1_440;
/** A schedule's name may have 64 characters. */
const NAME_LIMIT = 64;
/** Later than that, the next run is near, and the watch has told of the one that is missing. */
const LATEST_START_SECONDS = 3_600;

const ROLE = "ScheduleRole";

export interface ScheduleOptions {
  readonly state: "ENABLED" | "DISABLED";
  /** For jobs without `jitter`. 0: to the minute. Otherwise somewhere in so many minutes, so that many jobs do not start at once. */
  readonly flexibleMinutes: number;
}

/** One schedule a job that has one; a start that fails for good lies in the dead-letter queue, and that is an alarm. */
export function scheduleResources(job: Job, { state, flexibleMinutes }: ScheduleOptions): Record<string, unknown> {
  if (job.schedule === undefined) return {};
  const minutes =
    job.jitterMs === undefined ? flexibleMinutes : Math.min(Math.ceil(job.jitterMs / 60_000), MOST_FLEXIBLE_MINUTES);
  return {
    [`${logicalId(job.name)}Schedule`]: {
      Type: "AWS::Scheduler::Schedule",
      Properties: {
        Name: awsName(job.name, NAME_LIMIT),
        GroupName: { Ref: "ScheduleGroup" },
        Description: `core-backup: job ${job.name}`,
        ScheduleExpression: eventBridgeCron(job.schedule),
        ScheduleExpressionTimezone: job.timezone,
        State: state,
        FlexibleTimeWindow: minutes === 0 ? { Mode: "OFF" } : { Mode: "FLEXIBLE", MaximumWindowInMinutes: minutes },
        Target: {
          Arn: { Ref: machineLogicalId(job.name) },
          RoleArn: { "Fn::GetAtt": [ROLE, "Arn"] },
          Input: JSON.stringify({ startedBy: "schedule" }),
          RetryPolicy: { MaximumRetryAttempts: 10, MaximumEventAgeInSeconds: LATEST_START_SECONDS },
          DeadLetterConfig: { Arn: { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] } },
        },
      },
    },
  };
}

/** By which EventBridge starts the jobs that have a schedule: one for all of them, since a stack may have 500 resources. */
export function scheduleRole(jobs: readonly Job[], stack: string): Record<string, unknown> {
  const machines = jobs.flatMap(({ name, schedule }) =>
    schedule === undefined ? [] : [{ Ref: machineLogicalId(name) }],
  );
  if (machines.length === 0) return {};
  return {
    [ROLE]: roleFor("scheduler.amazonaws.com", `${stack}-start`, [
      { Effect: "Allow", Action: ["states:StartExecution"], Resource: machines },
      { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] } },
    ]),
  };
}
