import type { RetryOptions } from "../../retry.ts";
import { sleepUnlessAborted } from "../../retry.ts";
import type { SubjectWork } from "./subject-work.ts";

/** As often as a whole unit is tried where it is nothing but git. */
const RETRY = { attempts: 4, baseMs: 1_000, maxMs: 60_000 };
/** From here on waiting is the run's to arrange. */
export const LONG_MS = 60_000;

/** How faults of one kind that pass are waited out, so that neither the kind is lost for them nor the unit begun anew. */
export function patience({ session, context: { signal, defer } }: SubjectWork): RetryOptions {
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
