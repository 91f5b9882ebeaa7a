import { type RetryOptions, sleepUnlessAborted } from "../../retry.ts";
import type { CollectContext } from "../connector.ts";

/** As often as a whole unit is tried where it is nothing but git. */
const RETRY = { attempts: 4, baseMs: 1_000, maxMs: 60_000 };
/** From here on waiting is the run's to arrange. */
export const LONG_MS = 60_000;

/** What there is to wait with. */
interface Waiting {
  readonly session: { readonly api: { now(): Date } };
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

/** A server's limit begins anew by then, as GitHub's own does. */
const LONGEST_MS = 3_600_000;

/**
 * The same for single files. Where waiting is left to others, one for which a server wants a longer wait is had by the next run: it is no reason for the
 * unit to end and begin again, where nobody would know how often that was done for this one, nor for all that come after it to wait. At a desk it is waited for.
 */
export function filePatience(work: Waiting): RetryOptions {
  const options = patience(work);
  const isHere = work.context.waits === "here";
  const longest = isHere ? LONGEST_MS : LONG_MS;
  return {
    ...options,
    unless: (error) => error.retryAfterMs > longest || options.unless?.(error) === true,
    ...(isHere ? {} : { sleep: sleepUnlessAborted }),
  };
}
