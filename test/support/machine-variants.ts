import type { Definition } from "./two-engines.ts";

type States = Definition["States"];

/** One more attempt where there are several, and that at once. */
export const onceAgain = (states: States): void =>
  eachRetrier(states, (retrier) => Object.assign(retrier, { MaxAttempts: 1, IntervalSeconds: 1 }));

/** As many attempts, a second after each other. */
export const soonTried = (states: States): void =>
  eachRetrier(states, (retrier) => Object.assign(retrier, { IntervalSeconds: 1, BackoffRate: 1 }));

/** The next round of verifying's parts after a second, which the second engine waits in full. */
export function soonAgain({ Again }: States): void {
  Object.assign(Again ?? {}, { Seconds: 1 });
}

function eachRetrier(states: States, change: (retrier: Record<string, unknown>) => void): void {
  for (const state of Object.values(states)) {
    for (const retrier of (state.Retry ?? []) as Record<string, unknown>[]) change(retrier);
    const child = state.ItemProcessor as Definition | undefined;
    if (child !== undefined) eachRetrier(child.States, change);
  }
}
