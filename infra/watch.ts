import { METRICS_NAMESPACE } from "../lib/deployment/watch-metrics.ts";
import { alarm } from "./alarm.ts";
import { functionLogicalId } from "./functions.ts";
import { roleFor } from "./roles.ts";

const HOUR_SECONDS = 3_600;
/** A watch that does not run is one of the things that nobody notices. */
const SILENT_HOURS = 3;

/** The watch's own schedule, and what alarms on what it finds, and on its silence. */
export function watchResources(stack: string, state: "ENABLED" | "DISABLED"): Record<string, unknown> {
  const arn = { "Fn::GetAtt": [functionLogicalId("watch"), "Arn"] };
  const deadLetters = { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] };
  const metric = (MetricName: string, Statistic: string) => ({
    Namespace: METRICS_NAMESPACE,
    MetricName,
    Dimensions: [{ Name: "Stack", Value: stack }],
    Statistic,
    Period: HOUR_SECONDS,
  });
  return {
    WatchSchedule: {
      Type: "AWS::Scheduler::Schedule",
      Properties: {
        Name: `${stack}-watch`,
        GroupName: { Ref: "ScheduleGroup" },
        Description: "core-backup: looks whether every job has a good snapshot within its deadline",
        ScheduleExpression: "rate(1 hour)",
        State: state,
        FlexibleTimeWindow: { Mode: "OFF" },
        Target: {
          Arn: arn,
          RoleArn: { "Fn::GetAtt": ["WatchScheduleRole", "Arn"] },
          Input: "{}",
          RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: HOUR_SECONDS },
          DeadLetterConfig: { Arn: deadLetters },
        },
      },
    },
    WatchScheduleRole: roleFor("scheduler.amazonaws.com", `${stack}-watch-start`, [
      { Effect: "Allow", Action: ["lambda:InvokeFunction"], Resource: arn },
      { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: deadLetters },
    ]),
    JobNotWell: alarm("core-backup: a job has no good snapshot within its deadline, or something is wrong with one", {
      ...metric("JobNotWell", "Maximum"),
    }),
    WatchSilent: alarm("core-backup: the watch has not looked for hours", {
      ...metric("JobNotWell", "SampleCount"),
      EvaluationPeriods: SILENT_HOURS,
      Threshold: 1,
      ComparisonOperator: "LessThanThreshold",
      TreatMissingData: state === "ENABLED" ? "breaching" : "notBreaching",
    }),
  };
}
