import assert from "node:assert/strict";
import { test } from "node:test";
import { alarmResources } from "../../../infra/alarms.ts";
import { dashboardResources } from "../../../infra/dashboard.ts";
import { deferralMetrics } from "../../../lib/deployment/deferral-metrics.ts";
import { watchMetrics } from "../../../lib/deployment/watch-metrics.ts";
import { sample } from "../../../lib/measures/job-samples.ts";
import { emfLine } from "../../../lib/metrics/cloudwatch.ts";
import { cloudwatchMetrics } from "../../../lib/metrics/cloudwatch-metrics.ts";
import { aJob } from "../../support/a-backup.ts";
import { aWatchedJob } from "../../support/a-watched-job.ts";
import { published } from "../../support/published.ts";

const STACK = "core-backup-test";
const NOW = new Date("2026-11-26T03:00:00Z");
const CLOUDWATCH = { namespace: "ops/backup", dimensions: ["site"], all: false };
const METRICS = { labels: { site: "fra" }, cloudwatch: CLOUDWATCH };
/** https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html */
const OF_STEP_FUNCTIONS = [
  "ExecutionsStarted",
  "ExecutionsSucceeded",
  "ExecutionsFailed",
  "ExecutionsTimedOut",
  "ExecutionsAborted",
  "ExecutionTime",
];

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title?: string;
    readonly metrics?: readonly unknown[][];
    readonly alarms?: readonly string[];
    readonly markdown?: string;
  };
}

const jobs = [aJob({ name: "docs" }), aJob({ name: "team files: *all*" })];
const alarms = ["MissedStarts", ...Object.keys(alarmResources(jobs)).filter((id) => id !== "MissedStarts")];

function widgets(metrics?: typeof METRICS): readonly Widget[] {
  const { Dashboard } = dashboardResources(STACK, { jobs, metrics }, alarms) as {
    Dashboard: { Properties: { DashboardName: string; DashboardBody: { "Fn::Sub": string } } };
  };
  assert.equal(Dashboard.Properties.DashboardName, STACK);
  return JSON.parse(Dashboard.Properties.DashboardBody["Fn::Sub"]).widgets;
}

/** `namespace name dimension=value …` without the options at the end. */
const metricsIn = (all: readonly Widget[]): readonly string[] =>
  all.flatMap(({ properties: { metrics = [] } }) =>
    metrics.map((metric) => {
      const [namespace, name, ...rest] = metric.filter((part) => typeof part === "string");
      const dimensions = rest.flatMap((part, n) => (n % 2 === 0 ? [`${part}=${rest[n + 1]}`] : [])).sort();
      return [namespace, name, ...dimensions].join(" ");
    }),
  );

/** The same of a line in a function's log, as CloudWatch reads it. */
function metricsOf(line: string): readonly string[] {
  const document = JSON.parse(line);
  return (
    document._aws.CloudWatchMetrics as { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[]
  ).flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) =>
      Metrics.map(({ Name }) =>
        [Namespace, Name, ...names.map((name) => `${name}=${document[name]}`).sort()].join(" "),
      ),
    ),
  );
}

test("every metric of the dashboard is one that Step Functions has or that a function's log line defines", () => {
  const emitted = jobs.flatMap(({ name }) => [
    ...metricsOf(deferralMetrics(STACK, { job: name, run: "01RUN", unit: "a", resumeAt: NOW.toISOString() }, NOW)),
    ...watchMetrics(STACK, [aWatchedJob(name)], NOW).flatMap(metricsOf),
    ...metricsOf(emfLine(anEndedRun(name), published([name]), CLOUDWATCH, NOW)),
  ]);
  const shown = metricsIn(widgets(METRICS));
  const ours = shown.filter((metric) => !metric.startsWith("AWS/"));
  assert.deepEqual(
    ours.filter((metric) => !emitted.includes(metric)),
    [],
  );
  assert.equal(ours.length, jobs.length * 6);
  const theirs = shown.filter((metric) => metric.startsWith("AWS/"));
  assert.equal(theirs.length, jobs.length * OF_STEP_FUNCTIONS.length);
  for (const name of OF_STEP_FUNCTIONS)
    assert.equal(
      theirs.filter((metric) => metric.startsWith(`AWS/States ${name} StateMachineArn=\${`)).length,
      2,
      name,
    );
});

test("each job has executions, failures, duration, deferred units and the age of its newest good snapshot, and no more without cloudwatch", () => {
  const titles = widgets().flatMap(({ properties: { title } }) => title ?? []);
  const ofJob = ["Executions", "Failures", "Duration (ms)", "Deferred units", "Newest good snapshot (s)"];
  assert.deepEqual(titles, ["Alarms", ...ofJob, ...ofJob]);
  const [, second] = widgets().flatMap(({ properties: { markdown } }) => markdown ?? []);
  assert.equal(second, "## team files: \\*all\\*");
});

test("all alarms are on it, and nothing lies on anything else", () => {
  const all = widgets(METRICS);
  const shown = all.flatMap(({ properties: { alarms: arns = [] } }) => arns);
  assert.deepEqual(
    shown,
    alarms.map((id) => `\${${id}.Arn}`),
  );
  const cells = all.flatMap(({ x, y, width, height }) =>
    Array.from({ length: width * height }, (_, n) => `${x + (n % width)},${y + Math.floor(n / width)}`),
  );
  assert.equal(new Set(cells).size, cells.length);
  for (const { x, width } of all) assert.ok(x + width <= 24);
});

/** A run after which everything is known. */
const anEndedRun = (job: string) => {
  const samples = cloudwatchMetrics.map(({ of, labels }) => sample(of, 1, labels));
  return { job, samples, increments: samples };
};
