import { METRICS_NAMESPACE } from "./watch-metrics.ts";

/** Units that their source had wait; counted each time. Dimensions: `Stack`, `Job`. */
export const DEFERRED_METRIC = "UnitsDeferred";

/** A log line of which CloudWatch makes a metric by itself: one unit of a job waits for its source. */
export function deferralMetrics(stack: string, job: string, now: Date): string {
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
    [DEFERRED_METRIC]: 1,
  });
}
