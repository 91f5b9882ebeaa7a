import { InterruptedError } from "../lib/errors.ts";

type Stop = "SIGINT" | "SIGTERM";

export const exitCodes: Readonly<Record<Stop, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * The first signal aborts, and whoever works ends in order; a second one of the same kind calls `endNow`, which must
 * not return.
 */
export function interruption(options: {
  readonly onFirst: (signal: Stop) => void;
  readonly endNow: (exitCode: number) => void;
}): AbortSignal {
  const controller = new AbortController();
  const heard = new Set<Stop>();
  const onSignal = (signal: Stop) => {
    if (heard.has(signal)) options.endNow(exitCodes[signal]);
    heard.add(signal);
    if (controller.signal.aborted) return;
    options.onFirst(signal);
    controller.abort(new InterruptedError(signal));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return controller.signal;
}
