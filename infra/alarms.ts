import type { Job } from "../lib/config/schema.ts";
import { alarm } from "./alarm.ts";
import { logicalId } from "./names.ts";
import { machineLogicalId } from "./state-machines.ts";

/**
 * What a queue at rest measures comes up to 15 minutes late
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html), and must not come too late.
 */
const LATE_PERIODS = 4;

/**
 * An alarm for each job whose run did not end well, in time or at all, and one for starts, and ends, that EventBridge could not deliver: by what
 * comes into their queue, since what lies there lies for two weeks, and the next one has to be told as well. They tell the topic `Alarms`. A run that was refused because another one goes on ends well, so it is none.
 */
export function alarmResources(jobs: readonly Job[]): Record<string, unknown> {
  return Object.assign(
    {
      MissedStarts: alarm(
        "core-backup: a scheduled run could not be started, or nobody be told of one that was stopped",
        {
          Namespace: "AWS/SQS",
          MetricName: "NumberOfMessagesSent",
          Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": ["ScheduleDeadLetters", "QueueName"] } }],
          Statistic: "Sum",
          EvaluationPeriods: LATE_PERIODS,
          DatapointsToAlarm: 1,
        },
      ),
    },
    ...jobs.map(({ name }) => ({
      [`${logicalId(name)}Failed`]: alarm(`core-backup: a run of job ${name} failed`, endsOf(name, "ExecutionsFailed")),
      [`${logicalId(name)}TimedOut`]: alarm(
        `core-backup: a run of job ${name} did not end in time`,
        endsOf(name, "ExecutionsTimedOut"),
      ),
    })),
  );
}

const endsOf = (job: string, MetricName: string) => ({
  Namespace: "AWS/States",
  MetricName,
  Dimensions: [{ Name: "StateMachineArn", Value: { Ref: machineLogicalId(job) } }],
  Statistic: "Sum",
});
