import { TransientError } from "../errors.ts";
import { withinTime } from "../scheduling/deadline.ts";

/** Does `look`, unless the time is over or gets over. @throws TransientError, or what `look` throws */
export type TimeToLook = <T>(look: () => Promise<T>) => Promise<T>;

/** From now on; without `withinMs` for as long as the storage takes. */
export function timeToLook(withinMs?: number): TimeToLook {
  if (withinMs === undefined) return (look) => look();
  const end = performance.now() + withinMs;
  return async (look) => {
    const leftMs = end - performance.now();
    if (leftMs <= 0) throw tooSlow();
    return withinTime(leftMs, look, tooSlow);
  };
}

const tooSlow = (): TransientError =>
  new TransientError(
    "STORAGE_FAILED",
    "storages answered so slowly that the time to look at them was over before this one",
  );
