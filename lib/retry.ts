import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "./errors.ts";

export interface RetryOptions {
  /** Calls in all, the first one included. */
  readonly attempts: number;
  /** The longest wait before the second call. It doubles with each call. */
  readonly baseMs: number;
  /** Where doubling ends. What the other side asks for by `retryAfterMs` may be longer, and is then honoured. */
  readonly maxMs: number;
  /** Aborting ends the wait at once; the signal's reason is thrown. */
  readonly signal: AbortSignal;
  /** From 0 to 1, as `Math.random`, which is the default. */
  readonly random?: () => number;
  /** Waits; the default also ends when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Which failures are final here although they may pass: those that `wasGivenUp`, where someone further in has tried already. */
  readonly unless?: (error: TransientError) => boolean;
  /** Hears of a failure that will be tried again, before the wait. `attempt` is the call that failed, from 1. */
  readonly onRetry?: (retry: {
    readonly attempt: number;
    readonly waitMs: number;
    readonly error: TransientError;
  }) => void;
}

/**
 * Calls `work` until it succeeds, fails with something other than a `TransientError`, or was called `attempts` times:
 * then its last error is thrown. Waits are random from nothing to the whole back-off ("full jitter"), so that those who
 * failed together do not come back together, on top of what `retryAfterMs` asks for.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof TransientError) || options.unless?.(error) === true) throw error;
      if (attempt >= options.attempts) throw attempt > 1 ? giveUp(error) : error;
      options.signal.throwIfAborted();
      await backOff(attempt, error, options);
    }
  }
}

const givenUp = new WeakSet<TransientError>();

/** Has `wasGivenUp` say so: for who knows without `retry` that trying again is in vain for now. */
export function giveUp(error: TransientError): TransientError {
  givenUp.add(error);
  return error;
}

/** Whether it was tried to its end, so that trying again around it would multiply the attempts and the waits. */
export const wasGivenUp = (error: TransientError): boolean => givenUp.has(error);

/** Waits as `retry` does after the call number `attempt` failed, for loops that cannot be one function. */
export async function backOff(attempt: number, error: TransientError, options: RetryOptions): Promise<void> {
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** (attempt - 1));
  const waitMs = error.retryAfterMs + Math.floor((options.random ?? Math.random)() * ceiling);
  options.onRetry?.({ attempt, waitMs, error });
  await (options.sleep ?? sleepUnlessAborted)(waitMs, options.signal);
}

/** Waits; aborting ends it at once with the signal's reason. */
export async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    // Longer than 24.8 days overflows a timer, which would then fire at once.
    await delay(Math.min(ms, 2 ** 31 - 1), undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
