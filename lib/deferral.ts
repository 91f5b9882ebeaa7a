import type { Backup } from "./backup.ts";
import { DeferredError } from "./errors.ts";
import type { RunPointer } from "./plan-line.ts";
import { sleepUnlessAborted } from "./retry.ts";

/** Below this, waiting is cheaper than being taken up again. */
const SHORT_MS = 60_000;

/** How a unit waits for its source: here, or by ending with a DeferredError where someone else waits for less. */
export function deferral(
  backup: Pick<Backup, "now" | "emit" | "log" | "waits">,
  input: RunPointer & { readonly unit: { readonly id: string } },
  signal: AbortSignal,
): (until: Date, why: string) => Promise<void> {
  return async (until, why) => {
    const waitMs = until.getTime() - backup.now().getTime();
    if (waitMs <= 0) return;
    if (waitMs > SHORT_MS) {
      if (backup.waits === "elsewhere") throw new DeferredError(until, why);
      backup.log
        .with({ job: input.job, run: input.run, unit: input.unit.id })
        .info(`waiting until ${until.toISOString()}: ${why}`);
    }
    const of = { job: input.job, unit: input.unit.id };
    backup.emit({ type: "unit-waiting", ...of, until });
    await sleepUnlessAborted(waitMs, signal);
    backup.emit({ type: "unit-waiting", ...of, until: undefined });
  };
}

/** The same while a job's units are listed. */
export function listingDeferral(
  { now, log, waits }: Pick<Backup, "now" | "log" | "waits">,
  job: string,
): (until: Date, why: string, signal: AbortSignal) => Promise<void> {
  return async (until, why, signal) => {
    const waitMs = until.getTime() - now().getTime();
    if (waitMs <= 0) return;
    if (waitMs > SHORT_MS) {
      if (waits === "elsewhere") throw new DeferredError(until, why);
      log.with({ job }).info(`listing waits until ${until.toISOString()}: ${why}`);
    }
    await sleepUnlessAborted(waitMs, signal);
  };
}
