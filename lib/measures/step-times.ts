import { errorRecord } from "../errors.ts";
import type { RunTiming } from "./run-measures.ts";
import type { StepTime } from "./run-trace.ts";

/** Writes down when the steps of a run happen. */
export interface StepTimes {
  /** Its time is written down also when `work` throws. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** The lease was waited for until now. */
  leaseTaken(): void;
  timing(): RunTiming;
}

export function stepTimes(now: () => Date): StepTimes {
  const began = now();
  const steps: StepTime[] = [];
  let leaseWaitMs = 0;
  return {
    async step(name, work) {
      const startedAt = now().toISOString();
      const ended = (more: Partial<StepTime>) => steps.push({ name, startedAt, endedAt: now().toISOString(), ...more });
      try {
        const result = await work();
        ended({});
        return result;
      } catch (error) {
        ended({ errorCode: errorRecord(error, (text) => text).code });
        throw error;
      }
    },
    leaseTaken() {
      leaseWaitMs = Math.max(0, now().getTime() - began.getTime());
    },
    timing: () => ({ startedAt: began.toISOString(), endedAt: now().toISOString(), leaseWaitMs, steps }),
  };
}
