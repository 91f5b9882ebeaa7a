import { type RetryOptions, sleepUnlessAborted } from "../../retry.ts";
import type { CollectContext } from "../connector.ts";

/** As often as a whole unit is tried where it is nothing but git. */
const RETRY = { attempts: 4, baseMs: 1_000, maxMs: 60_000 };
/** From here on waiting is the run's to arrange. */
export const LONG_MS = 60_000;

/** What there is to wait with. */
interface Waiting {
  readonly session: { readonly api: { now(): Date } };
  /** One and the same for all of a unit. */
  readonly context: Pick<CollectContext, "signal" | "defer" | "waits">;
}

/** How faults of one kind that pass are waited out, so that neither the kind is lost for them nor the unit begun anew. */
export function patience({ session, context: { signal, defer } }: Waiting): RetryOptions {
  const nowMs = () => session.api.now().getTime();
  return {
    ...RETRY,
    signal,
    // A storage has its own.
    unless: ({ code }) => code.startsWith("STORAGE_"),
    sleep: (ms) =>
      ms > LONG_MS
        ? defer(new Date(nowMs() + ms), "the server asks to come back later")
        : sleepUnlessAborted(ms, signal),
  };
}

/** At a desk, for one wait. */
const LONGEST_MS = 15 * 60_000;
/** For release files and LFS objects of a unit together: however many do not come, more than half of its usual time is left. */
const LONGEST_IN_ALL_MS = 2 * 60 * 60_000;
const waitedMs = new WeakMap<Waiting["context"], number>();

/**
 * The same for single files. Where waiting is left to others, one for which a server wants a longer wait is had by the next run: it is no reason for the
 * unit to end and begin again, where nobody would know how often that was done for this one, nor for all that come after it to wait. At a desk it is
 * waited for.
 */
export function filePatience(work: Waiting): RetryOptions {
  if (work.context.waits !== "here") return shortPatience(work);
  const options = patience(work);
  const waited = (): number => waitedMs.get(work.context) ?? 0;
  const isTooLong = (ms: number): boolean => ms > LONG_MS && ms > Math.min(LONGEST_MS, LONGEST_IN_ALL_MS - waited());
  return {
    ...options,
    unless: (error) => isTooLong(error.retryAfterMs) || options.unless?.(error) === true,
    async sleep(ms, signal) {
      if (ms > LONG_MS) waitedMs.set(work.context, waited() + ms);
      await options.sleep?.(ms, signal);
    },
  };
}

/** For files that nothing fails for: they are never waited for longer than a minute and the back-off. */
export function shortPatience(work: Waiting): RetryOptions {
  const options = patience(work);
  return {
    ...options,
    unless: (error) => error.retryAfterMs > LONG_MS || options.unless?.(error) === true,
    sleep: sleepUnlessAborted,
  };
}
