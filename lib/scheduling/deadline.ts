import { SourceError } from "../errors.ts";

export interface DeadlineOptions {
  /** What the signal is aborted with. Default: SourceError `UNIT_TIMEOUT`. */
  readonly reason?: (limitMs: number) => Error;
  /** How long what was told to stop gets to release what it holds before it is left behind. Default: 10 s. */
  readonly graceMs?: number;
}

const GRACE_MS = 10_000;
/** The longest timer there is. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs `work` with a signal that is aborted after `limitMs` or with `parent`.
 * Work that does not heed its signal is left behind after a while, so that one hanging source cannot hang a run.
 * @throws the signal's reason, or what `work` throws
 */
export async function withDeadline<T>(
  parent: AbortSignal,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  { reason = timedOut, graceMs = GRACE_MS }: DeadlineOptions = {},
): Promise<T> {
  parent.throwIfAborted();
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(reason(limitMs)), Math.min(limitMs, MAX_TIMER_MS));
  const signal = AbortSignal.any([parent, own.signal]);
  const left = leftBehind(signal, graceMs);
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

/** The same of work that nothing can stop: it is left behind when its time is over. @throws what `reason` makes, or what `work` throws */
export function withinTime<T>(limitMs: number, work: () => Promise<T>, reason: () => Error): Promise<T> {
  return withDeadline(new AbortController().signal, limitMs, work, { reason, graceMs: 0 });
}

function leftBehind(signal: AbortSignal, graceMs: number): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(signal.reason), graceMs);
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
