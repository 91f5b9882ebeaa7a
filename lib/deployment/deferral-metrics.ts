import { METRICS_NAMESPACE } from "./watch-metrics.ts";

/** Units that their source had wait; counted each time. Dimensions: `Stack`, `Job`. */
export const DEFERRED_METRIC = "UnitsDeferred";

/**
 * A log line of which CloudWatch makes a metric by itself: one unit of a job waits for its source. Run and unit are no
 * dimensions, which would make a metric of each, but can be searched for.
 */
export function deferralMetrics(
  stack: string,
  { job, run, unit }: { readonly job: string; readonly run: string; readonly unit: string },
  now: Date,
): string {
  return JSON.stringify({
    _aws: {
      Timestamp: now.getTime(),
      CloudWatchMetrics: [
        {
          Namespace: METRICS_NAMESPACE,
          Dimensions: [["Stack", "Job"]],
          Metrics: [{ Name: DEFERRED_METRIC, Unit: "Count" }],
        },
      ],
    },
    Stack: stack,
    Job: job,
    Run: run,
    Unit: unit,
    [DEFERRED_METRIC]: 1,
  });
}
