import { setImmediate as turn } from "node:timers/promises";

/** What a test's `t.mock.timers` can do. */
interface Timers {
  enable(options: { readonly apis: ["setTimeout"] }): void;
  tick(ms: number): void;
  reset(): void;
}

const MOST_SECONDS = 3600;
const TICK_SECONDS = 0.5;

/** How long some work takes by a clock that only goes on while nothing else can happen: however slow the machine is, it is the same. */
export async function secondsTaken(timers: Timers, work: () => Promise<unknown>): Promise<number> {
  timers.enable({ apis: ["setTimeout"] });
  try {
    let isDone = false;
    const done = work().finally(() => {
      isDone = true;
    });
    let seconds = 0;
    for (;;) {
      for (let idle = 0; idle < 10; idle += 1) {
        await turn();
        if (readsFiles()) idle = 0;
      }
      if (isDone || seconds >= MOST_SECONDS) break;
      timers.tick(TICK_SECONDS * 1000);
      seconds += TICK_SECONDS;
    }
    if (!isDone) throw new Error(`not done after ${MOST_SECONDS} s`);
    await done;
    return seconds;
  } finally {
    timers.reset();
  }
}

const readsFiles = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
