import { TransientError } from "../errors.ts";
import { withDeadline } from "../scheduling/deadline.ts";

/** Does `look`, unless the time is over or gets over. @throws TransientError, or what `look` throws */
export type TimeToLook = <T>(look: () => Promise<T>) => Promise<T>;

/** From now on; without `withinMs` for as long as the storage takes. */
export function timeToLook(withinMs: number | undefined): TimeToLook {
  if (withinMs === undefined) return (look) => look();
  const end = performance.now() + withinMs;
  const never = new AbortController().signal;
  return async (look) => {
    const leftMs = end - performance.now();
    if (leftMs <= 0) throw tooSlow();
    return withDeadline(never, leftMs, look, { reason: tooSlow, graceMs: 0 });
  };
}

const tooSlow = (): TransientError =>
  new TransientError("STORAGE_FAILED", "storages answered so slowly that the watch's time was over before this one");
