import type { Config } from "../lib/config/schema.ts";
import { METRICS_NAMESPACE } from "../lib/deployment/watch-metrics.ts";
import { storageName } from "../lib/watch/storage-name.ts";
import { alarm } from "./alarm.ts";
import { functionLogicalId } from "./functions.ts";
import { logicalId } from "./names.ts";
import { roleFor } from "./roles.ts";

const HOUR_SECONDS = 3_600;
/** A watch that does not run is one of the things that nobody notices. */
const SILENT_HOURS = 3;

/** The watch's own schedule, and what alarms on what it finds of each job, and on its silence. */
export function watchResources(
  stack: string,
  state: "ENABLED" | "DISABLED",
  config: Pick<Config, "jobs" | "storage">,
): Record<string, unknown> {
  const arn = { "Fn::GetAtt": [functionLogicalId("watch"), "Arn"] };
  const deadLetters = { "Fn::GetAtt": ["ScheduleDeadLetters", "Arn"] };
  const jobNotWell = (Statistic: string, ...more: readonly { Name: string; Value: string }[]) => ({
    Namespace: METRICS_NAMESPACE,
    MetricName: "JobNotWell",
    Dimensions: [{ Name: "Stack", Value: stack }, ...more],
    Statistic,
    Period: HOUR_SECONDS,
  });
  // One each: an alarm that tells of one job says nothing when a second one goes bad.
  const ofJobs = watchedNames(config).map((name) => [
    `${logicalId(name)}NotWell`,
    alarm(
      `core-backup: ${name} has no good snapshot within its deadline, or something is wrong with one`,
      jobNotWell("Maximum", { Name: "Job", Value: name }),
    ),
  ]);
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
    ...Object.fromEntries(ofJobs),
    WatchSilent: alarm("core-backup: the watch has not looked for hours", {
      ...jobNotWell("SampleCount"),
      EvaluationPeriods: SILENT_HOURS,
      Threshold: 1,
      ComparisonOperator: "LessThanThreshold",
      TreatMissingData: state === "ENABLED" ? "breaching" : "notBreaching",
    }),
  };
}

/** As the watch names what it looks at: jobs, and storages that no job uses, in which snapshots of removed ones may lie. */
function watchedNames({ jobs, storage }: Pick<Config, "jobs" | "storage">): readonly string[] {
  const unused = Object.keys(storage).filter((name) => !jobs.some((job) => job.target_storage === name));
  return [...jobs.map(({ name }) => name), ...unused.map(storageName)];
}
