import { SourceError } from "./errors.ts";

/** What was told to stop gets this long to release what it holds before it is left behind. */
const GRACE_MS = 10_000;
/** The longest timer there is. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs `work` with a signal that is aborted after `limitMs` (reason: SourceError `UNIT_TIMEOUT`) or with `parent`.
 * Work that does not heed its signal is left behind after 10 s, so that one hanging source cannot hang a run.
 * @throws the signal's reason, or what `work` throws
 */
export async function withDeadline<T>(
  parent: AbortSignal,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(timedOut(limitMs)), Math.min(limitMs, MAX_TIMER_MS));
  const signal = AbortSignal.any([parent, own.signal]);
  const left = leftBehind(signal);
  try {
    return await Promise.race([work(signal), left.promise]);
  } catch (error) {
    // Whatever broke because of the stop, the stop is the reason.
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    left.cancel();
  }
}

function leftBehind(signal: AbortSignal): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(signal.reason), GRACE_MS);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return {
    promise,
    cancel: () => {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    },
  };
}

function timedOut(limitMs: number): SourceError {
  return new SourceError("UNIT_TIMEOUT", `took longer than its timeout of ${Math.round(limitMs / 1000)} s`);
}
