import { setImmediate as turn } from "node:timers/promises";

/**
 * A clock that stands still while anything is left to do, and jumps to the end of a nap. `until`: where it stops, by
 * aborting the signal.
 */
export function fakeClock(from: Date, until: Date) {
  const stop = new AbortController();
  let now = from.getTime();
  return {
    signal: stop.signal,
    now: () => new Date(now),
    /** Turns it, also back. */
    set: (time: Date) => {
      now = time.getTime();
    },
    async sleep(ms: number, signal: AbortSignal): Promise<void> {
      await turn();
      if (signal.aborted) return;
      now += ms;
      if (now >= until.getTime()) stop.abort();
    },
  };
}
