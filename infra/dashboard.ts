import type { Config, Job } from "../lib/config/schema.ts";
import { DEFERRED_METRIC } from "../lib/deployment/deferral-metrics.ts";
import { METRICS_NAMESPACE } from "../lib/deployment/watch-metrics.ts";
import type { CloudwatchMetricName } from "../lib/metrics/cloudwatch-metrics.ts";
import { machineLogicalId } from "./state-machines.ts";

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const COLUMNS = 24;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
/** So many alarms fit into one widget. */
const ALARMS_A_WIDGET = 100;

type Metric = readonly (string | Readonly<Record<string, string | number>>)[];

interface Widget {
  readonly type: "metric" | "alarm" | "text";
  readonly height: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** The stack's dashboard: its alarms, and a row for each job. `alarms` are logical ids. */
export function dashboardResources(
  stack: string,
  { jobs, metrics }: Pick<Config, "jobs" | "metrics">,
  alarms: readonly string[],
): Record<string, unknown> {
  const rows = [...alarmRows(alarms), ...jobs.flatMap((job) => jobRows(stack, job, metrics))];
  return {
    Dashboard: {
      Type: "AWS::CloudWatch::Dashboard",
      Properties: { DashboardName: stack, DashboardBody: { "Fn::Sub": JSON.stringify({ widgets: placed(rows) }) } },
    },
  };
}

function alarmRows(alarms: readonly string[]): readonly (readonly Widget[])[] {
  const rows: Widget[][] = [];
  for (let from = 0; from < alarms.length; from += ALARMS_A_WIDGET) {
    const arns = alarms.slice(from, from + ALARMS_A_WIDGET).map((id) => `\${${id}.Arn}`);
    rows.push([{ type: "alarm", height: 3, properties: { title: "Alarms", alarms: arns } }]);
  }
  return rows;
}

function jobRows(stack: string, job: Job, metrics: Config["metrics"]): readonly (readonly Widget[])[] {
  const machine = ["StateMachineArn", `\${${machineLogicalId(job.name)}}`];
  const states = (name: string, label: string, color?: string): Metric => [
    "AWS/States",
    name,
    ...machine,
    { label, ...(color === undefined ? {} : { color }) },
  ];
  const ours = (name: string, label: string, stat: string): Metric => [
    METRICS_NAMESPACE,
    name,
    "Stack",
    stack,
    "Job",
    job.name,
    { label, stat },
  ];
  const runs = [
    graph("Executions", DAY_SECONDS, "Sum", [
      states("ExecutionsStarted", "started"),
      states("ExecutionsSucceeded", "succeeded", GREEN),
    ]),
    graph("Failures", DAY_SECONDS, "Sum", [
      states("ExecutionsFailed", "failed or partial", RED),
      states("ExecutionsTimedOut", "not in time"),
      states("ExecutionsAborted", "stopped"),
    ]),
    graph("Duration (ms)", DAY_SECONDS, "Maximum", [states("ExecutionTime", "longest")]),
  ];
  const found = [
    graph("Deferred units", DAY_SECONDS, "Sum", [ours(DEFERRED_METRIC, "waited for the source", "Sum")]),
    graph("Newest good snapshot (s)", HOUR_SECONDS, "Maximum", [
      ours("SnapshotAge", "age", "Maximum"),
      ours("SnapshotLate", "late by", "Maximum"),
    ]),
  ];
  return [
    [{ type: "text", height: 1, properties: { markdown: `## ${escapedMarkdown(job.name)}` } }],
    runs,
    [...found, ...snapshotWidgets(job, metrics)],
  ];
}

/** What the last function of a run measures, where the configuration has `metrics: { cloudwatch: … }`. */
function snapshotWidgets(job: Job, metrics: Config["metrics"]): readonly Widget[] {
  if (metrics?.cloudwatch === undefined) return [];
  const { namespace, dimensions } = metrics.cloudwatch;
  const own = (name: CloudwatchMetricName, label: string): Metric => [
    namespace,
    name,
    ...["Job", job.name],
    ...dimensions.flatMap((dimension) => [dimension, literal(metrics.labels[dimension] ?? "")]),
    { label },
  ];
  return [
    graph("Failed units", DAY_SECONDS, "Maximum", [own("UnitsFailed", "failed")]),
    graph("Snapshot (bytes)", DAY_SECONDS, "Maximum", [own("SourceBytes", "source"), own("StoredBytes", "stored")]),
  ];
}

const RED = "#d62728";
const GREEN = "#2ca02c";

const graph = (title: string, period: number, stat: string, metrics: readonly Metric[]): Widget => ({
  type: "metric",
  height: 5,
  properties: { title, region: `\${AWS::Region}`, view: "timeSeries", period, stat, metrics },
});

/** Rows below each other, each as wide as the dashboard. */
function placed(rows: readonly (readonly Widget[])[]): readonly unknown[] {
  let y = 0;
  return rows.flatMap((row) => {
    const width = Math.floor(COLUMNS / row.length);
    const top = y;
    y += Math.max(...row.map(({ height }) => height));
    return row.map(({ type, height, properties }, n) => ({ type, x: n * width, y: top, width, height, properties }));
  });
}

/** Not taken for a reference by CloudFormation. A job's name cannot hold one. */
const literal = (text: string): string => text.replaceAll("${", "${!");

const escapedMarkdown = (text: string): string => text.replace(/[\\`*_[\]<>#|~]/g, "\\$&");
