import type { CloudwatchOptions } from "../config/metrics-options.ts";
import { type CloudwatchMetric, cloudwatchMetrics, furtherMetrics } from "./cloudwatch-metrics.ts";
import type { MetricsOutput, Published, PublishedJob } from "./metrics.ts";

/**
 * A line a job in the function's log, and with `all: true` one for each error code of its run, from which CloudWatch makes metrics by itself, without a call and without a right.
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
        if (job.increments.length === 0) continue;
        write(emfLine(job, published, options, now()));
        if (options.all) for (const line of errorLines(job, published, options, now())) write(line);
      }
    },
  };
}

export function emfLine(job: PublishedJob, { labels }: Published, options: CloudwatchOptions, now: Date): string {
  const metrics = options.all ? [...cloudwatchMetrics, ...furtherMetrics] : cloudwatchMetrics;
  const values: Record<string, number> = {};
  for (const metric of metrics) {
    const value = valueNow(metric, job, now);
    if (value !== undefined) values[metric.name] = value;
  }
  const defined = metrics.filter(({ name }) => Object.hasOwn(values, name));
  return lineOf({ ...labels, Job: job.job, ...values }, defined, ["Job"], options, now);
}

/** CloudWatch has a metric's dimensions from its line: each code is a line. */
function errorLines(job: PublishedJob, { labels }: Published, options: CloudwatchOptions, now: Date): string[] {
  const errors = job.increments.filter(({ name }) => name === "core_backup_errors_total");
  return errors.map(({ labels: { code = "" }, value }) =>
    lineOf({ ...labels, Job: job.job, Code: code, Errors: value }, [ERRORS], ["Job", "Code"], options, now),
  );
}

const ERRORS = { name: "Errors", unit: "Count" } as const;

/** In `values` labels come first, so that none can be mistaken for the job or a value. */
function lineOf(
  values: Readonly<Record<string, string | number>>,
  metrics: readonly Pick<CloudwatchMetric, "name" | "unit">[],
  dimensions: readonly string[],
  options: CloudwatchOptions,
  now: Date,
): string {
  const directive = {
    Namespace: options.namespace,
    Dimensions: [[...dimensions, ...options.dimensions]],
    Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
  };
  return JSON.stringify({ _aws: { Timestamp: now.getTime(), CloudWatchMetrics: [directive] }, ...values });
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
