import type { CloudwatchOptions } from "../config/metrics-options.ts";
import type { MetricName, Sample } from "../measures/metric-families.ts";
import type { MetricsOutput, Published, PublishedJob } from "./metrics.ts";

type Unit = "Seconds" | "Bytes" | "Count";

interface CloudwatchMetric {
  readonly name: string;
  readonly unit: Unit;
  readonly of: MetricName;
  readonly labels?: Sample["labels"];
  /** From what the run added, instead of what there is. */
  readonly added?: true;
  /** A time as how long ago it is: CloudWatch has no clock in its expressions. */
  readonly age?: true;
}

const table = [
  { name: "RunsOk", unit: "Count", of: "core_backup_runs_total", labels: { status: "ok" }, added: true },
  { name: "RunsPartial", unit: "Count", of: "core_backup_runs_total", labels: { status: "partial" }, added: true },
  { name: "RunsFailed", unit: "Count", of: "core_backup_runs_total", labels: { status: "failed" }, added: true },
  { name: "RunDuration", unit: "Seconds", of: "core_backup_last_run_duration_seconds" },
  { name: "UnitsFailed", unit: "Count", of: "core_backup_snapshot_units", labels: { status: "failed" } },
  { name: "Artifacts", unit: "Count", of: "core_backup_snapshot_artifacts" },
  { name: "SourceBytes", unit: "Bytes", of: "core_backup_snapshot_bytes", labels: { side: "source" } },
  { name: "StoredBytes", unit: "Bytes", of: "core_backup_snapshot_bytes", labels: { side: "stored" } },
  { name: "RemovedSnapshots", unit: "Count", of: "core_backup_removed_snapshots_total", added: true },
  { name: "GoodSnapshotAge", unit: "Seconds", of: "core_backup_last_good_snapshot_timestamp_seconds", age: true },
  { name: "ProofAge", unit: "Seconds", of: "core_backup_last_proof_timestamp_seconds", age: true },
] as const satisfies readonly CloudwatchMetric[];

export type CloudwatchMetricName = (typeof table)[number]["name"];

/** In CloudWatch's words. Few, since each costs money for each job. */
export const cloudwatchMetrics: readonly CloudwatchMetric[] = table;

/**
 * A line a job in the function's log, from which CloudWatch makes metrics by itself, without a call and without a right.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function cloudwatchOutput(
  options: CloudwatchOptions,
  { write, now }: { readonly write: (line: string) => void; readonly now: () => Date },
): MetricsOutput {
  return {
    async publish(published) {
      for (const job of published.jobs) {
        // Nothing has happened when a run begins.
        if (job.increments.length > 0) write(emfLine(job, published, options, now()));
      }
    },
  };
}

export function emfLine(job: PublishedJob, { labels }: Published, options: CloudwatchOptions, now: Date): string {
  const values: Record<string, number> = {};
  for (const metric of cloudwatchMetrics) {
    const value = valueNow(metric, job, now);
    if (value !== undefined) values[metric.name] = value;
  }
  const defined = cloudwatchMetrics.filter(({ name }) => Object.hasOwn(values, name));
  return JSON.stringify({
    _aws: {
      Timestamp: now.getTime(),
      CloudWatchMetrics: [
        {
          Namespace: options.namespace,
          Dimensions: [["Job", ...options.dimensions]],
          Metrics: defined.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    // First, so that no label can be mistaken for the job or a value.
    ...labels,
    Job: job.job,
    ...values,
  });
}

function valueNow({ of, labels = {}, added, age }: CloudwatchMetric, job: PublishedJob, now: Date): number | undefined {
  const source = added === true ? job.increments : job.samples;
  const found = source.find(
    (one) => one.name === of && Object.entries(labels).every(([label, text]) => one.labels[label] === text),
  );
  // A run that did not end so is 0 of those that did.
  if (found === undefined) return added === true ? 0 : undefined;
  return age === true ? Math.max(0, Math.round(now.getTime() / 1000 - found.value)) : found.value;
}
