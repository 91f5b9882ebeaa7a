import type { WatchedJob } from "../watch/watch-job.ts";

/** The namespace of everything that is measured. */
export const METRICS_NAMESPACE = "core-backup";

/**
 * Log lines of which CloudWatch makes metrics by itself
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html): for
 * each job whether it is well, how old its newest good snapshot is and how late it is. One that is not there is no value.
 */
export function watchMetrics(stack: string, jobs: readonly WatchedJob[], now: Date): readonly string[] {
  return jobs.map((watched) => JSON.stringify(metricsOf(stack, watched, now)));
}

function metricsOf(stack: string, { job, ok, age, lateBy, problems, snapshot }: WatchedJob, now: Date): unknown {
  const values = { JobNotWell: ok ? 0 : 1, SnapshotLate: lateBy ?? 0, ...(age === null ? {} : { SnapshotAge: age }) };
  const metrics = Object.keys(values).map((Name) => ({ Name, Unit: Name === "JobNotWell" ? "Count" : "Seconds" }));
  return {
    _aws: {
      Timestamp: now.getTime(),
      CloudWatchMetrics: [
        { Namespace: METRICS_NAMESPACE, Dimensions: [["Stack", "Job"], ["Stack"]], Metrics: metrics },
      ],
    },
    time: now.toISOString(),
    level: ok ? "info" : "error",
    message: ok ? "well" : problems.map(({ code, message }) => `${code}: ${message}`).join("; "),
    Stack: stack,
    Job: job,
    job,
    snapshot,
    ...values,
  };
}
