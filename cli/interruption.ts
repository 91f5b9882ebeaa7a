import { InterruptedError, type StopSignal } from "../lib/errors.ts";

/** What a shell says of a program that the signal ended: 128 and the signal's number. */
export const exitCodes: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** One signal to a whole process group comes twice: by itself, and passed on by the launcher. No finger is as fast. */
const ECHO_MS = 100;

export interface Interruption {
  readonly signal: AbortSignal;
  /** SIGHUP means this from now on, as daemons take it, and stops nothing any more. */
  onHangup(listener: () => void): void;
}

/**
 * The first signal aborts, and whoever works ends in order; a second one of the same kind calls `endNow`, which must
 * not return.
 */
export function interruption(options: {
  readonly onFirst: (signal: StopSignal) => void;
  readonly endNow: (exitCode: number) => void;
}): Interruption {
  const controller = new AbortController();
  const heard = new Map<StopSignal, number>();
  let hangup: (() => void) | undefined;
  const onSignal = (signal: StopSignal) => {
    if (signal === "SIGHUP" && hangup !== undefined) return hangup();
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
  // Node takes back what nohup set, so without a handler a closed terminal would end the run at once.
  process.on("SIGHUP", onSignal);
  return {
    signal: controller.signal,
    onHangup: (listener) => {
      hangup = listener;
    },
  };
}
