import { METRICS_NAMESPACE } from "./watch-metrics.ts";

/** Units, and lists of units, that their source had wait; counted each time. Dimensions: `Stack`, `Job`. */
export const DEFERRED_METRIC = "UnitsDeferred";

export interface Deferral {
  readonly job: string;
  /** Absent, as `unit`, while the units are still being listed. */
  readonly run?: string;
  readonly unit?: string;
  /** ISO 8601 */
  readonly resumeAt: string;
}

/**
 * A log line of which CloudWatch makes a metric by itself: something of a job waits for its source. Run and unit are no
 * dimensions, which would make a metric of each, but are searched for as on every line.
 */
export function deferralMetrics(stack: string, { job, run, unit, resumeAt }: Deferral, now: Date): string {
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
    time: now.toISOString(),
    level: "info",
    message: `waits for its source until ${resumeAt}`,
    Stack: stack,
    Job: job,
    job,
    run,
    unit,
    [DEFERRED_METRIC]: 1,
  });
}
