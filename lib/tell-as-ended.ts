import type { Backup } from "./backup.ts";
import { gather } from "./gather.ts";
import { emitMetrics, measuredRuns } from "./measures/emit-metrics.ts";
import type { MetricsDelivery } from "./measures/publish-metrics.ts";
import { notify, pingLater } from "./notify/notify.ts";
import type { Delivery, Tellable } from "./notify/tell.ts";
import type { JobResult } from "./run.ts";

/** Forty jobs that fail within it are one message; and a job that fails in the first minute of a long night is told in that night. */
const TOLD_WITHIN_MS = 15 * 60_000;
/** Metrics of one job at a time would make each output write all of them anew, one after the other. */
const MEASURED_WITHIN_MS = 10_000;

export interface Told {
  readonly deliveries: readonly Delivery[];
  /** Of each output the last, or the last that failed. */
  readonly metrics: readonly MetricsDelivery[];
}

export interface TellAsEnded {
  ended(result: JobResult): void;
  /** To be called when all have ended: tells the rest at once, and pings: whoever counts runs hears of an invocation once, by its worst job. */
  rest(): Promise<Told>;
}

/**
 * Tells of jobs of one invocation while others still run: a job that copies for a day must not hold back that another one
 * failed, and a process that is killed has told what had ended before.
 */
export function tellAsEnded(backup: Backup): TellAsEnded {
  const deliveries: Delivery[] = [];
  const told: Tellable[] = [];
  const metrics = new Map<string, MetricsDelivery>();
  const messages = gather<JobResult>(within(TOLD_WITHIN_MS), async (runs) => {
    const message = await notify(backup, { runs, pings: "later" });
    deliveries.push(...message.deliveries);
    told.push(...message.jobs);
  });
  const measures = gather<JobResult>(within(MEASURED_WITHIN_MS), async (results) => {
    for (const one of await emitMetrics(backup, measuredRuns(results))) {
      if (metrics.get(one.output)?.ok !== false || !one.ok) metrics.set(one.output, one);
    }
  });
  return {
    ended(result) {
      messages.add(result);
      measures.add(result);
    },
    async rest() {
      const tellRest = async () => {
        await messages.flush();
        deliveries.push(...(await pingLater(backup, told)));
      };
      await Promise.all([tellRest(), measures.flush()]);
      return { deliveries, metrics: [...metrics.values()] };
    },
  };
}

/** Side by side, as a job ends once: what waited for one that hangs would take longer than the `timeout` of who is told. */
const within = (ms: number) => ({ quietMs: ms, mostMs: ms, sideBySide: true });
