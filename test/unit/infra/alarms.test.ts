import assert from "node:assert/strict";
import { test } from "node:test";
import { alarmResources } from "../../../infra/alarms.ts";
import { watchResources } from "../../../infra/watch.ts";
import { watchMetrics } from "../../../lib/deployment/watch-metrics.ts";
import { storageName } from "../../../lib/watch/storage-name.ts";
import { aJob } from "../../support/a-backup.ts";
import { aWatchedJob } from "../../support/a-watched-job.ts";

const STACK = "core-backup-test";

interface Alarm {
  readonly Type: string;
  readonly Properties: {
    readonly MetricName: string;
    readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
    readonly Statistic: string;
    readonly EvaluationPeriods: number;
    readonly DatapointsToAlarm?: number;
  };
}

test("each job, and each storage that no job uses, has an alarm of its own on what the watch measures of it", () => {
  const jobs = [aJob({ name: "docs" }), aJob({ name: "team files: *all*" })];
  const s3 = { type: "s3", bucket_env: "S3_BUCKET" } as never;
  const config = { jobs, storage: { [jobs[0]?.target_storage ?? ""]: s3, old: s3 } };
  const resources = watchResources(STACK, "ENABLED", config) as Record<string, Alarm>;
  const watched = [...jobs.map(({ name }) => name), storageName("old")].map(aWatchedJob);
  const measured = watchMetrics(STACK, watched, new Date(0)).map((line) => JSON.parse(line));
  const alarms = Object.values(resources).filter(
    ({ Type, Properties }) => Type === "AWS::CloudWatch::Alarm" && Properties.Statistic === "Maximum",
  );
  const found = alarms.map(({ Properties }) =>
    measured.findIndex((line) => Properties.Dimensions.every(({ Name, Value }) => line[Name] === Value)),
  );
  assert.deepEqual(found, [0, 1, 2]);
  for (const { Properties } of alarms)
    assert.ok(
      measured[0]._aws.CloudWatchMetrics[0].Dimensions.some(
        (names: string[]) => names.join() === Properties.Dimensions.map(({ Name }) => Name).join(),
      ),
    );
});

test("a second start that is missed is told of as the first is: by what comes into the queue, however late it is measured", () => {
  const { MissedStarts } = alarmResources([]) as { MissedStarts: Alarm };
  const { MetricName, Statistic, EvaluationPeriods, DatapointsToAlarm } = MissedStarts.Properties;
  assert.deepEqual([MetricName, Statistic, DatapointsToAlarm], ["NumberOfMessagesSent", "Sum", 1]);
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html: up to 15 minutes.
  assert.ok(EvaluationPeriods * 5 > 15);
});
