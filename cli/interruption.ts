import { InterruptedError } from "../lib/errors.ts";

type Stop = "SIGINT" | "SIGTERM";

export const exitCodes: Readonly<Record<Stop, number>> = { SIGINT: 130, SIGTERM: 143 };

/** One signal to a whole process group comes twice: by itself, and passed on by the launcher. No finger is as fast. */
const ECHO_MS = 100;

/**
 * The first signal aborts, and whoever works ends in order; a second one of the same kind calls `endNow`, which must
 * not return.
 */
export function interruption(options: {
  readonly onFirst: (signal: Stop) => void;
  readonly endNow: (exitCode: number) => void;
}): AbortSignal {
  const controller = new AbortController();
  const heard = new Map<Stop, number>();
  const onSignal = (signal: Stop) => {
    const before = heard.get(signal);
    if (before !== undefined && performance.now() - before < ECHO_MS) return;
    if (before !== undefined) options.endNow(exitCodes[signal]);
    heard.set(signal, performance.now());
    if (controller.signal.aborted) return;
    options.onFirst(signal);
    controller.abort(new InterruptedError(signal));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return controller.signal;
}
