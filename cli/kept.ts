import { TransientError } from "../lib/errors.ts";
import { withinTime } from "../lib/scheduling/deadline.ts";

interface KeptFor {
  /** So long nothing newer is made, nor is what failed tried again for who does not wait. */
  readonly freshMs: number;
  /** So long, from `freshMs` on, the last one is answered at once while a newer one is made. Default: not at all. */
  readonly usableMs?: number;
  /** Hears why making one failed. */
  readonly failed?: (error: unknown) => void;
}

interface Made<T> {
  /** What it was made of is at least as new as this. */
  readonly at: number;
  readonly answer: T;
}

/** What there is just now. */
export interface Look<T> {
  readonly last?: Made<T>;
  /** Since when a newer one is made, and how long the one before it took. */
  readonly making?: { readonly since: number; readonly lastTookMs?: number };
  /** When making a newer one failed. */
  readonly failedAt?: number;
}

interface Kept<T> {
  /**
   * Who asks while there is none that can be answered waits for it. What failed is not kept, and who waits for it is told; after a
   * failure that nobody waited for the next who asks waits, so that nobody looks at an old answer without knowing that no newer one
   * can be made.
   * @throws TransientError when making it takes longer than a quarter of an hour, or what making it throws
   */
  ask(): Promise<T>;
  /**
   * The last one, however old, without waiting. A newer one is made when the last making ended longer ago than `freshMs`, however long
   * it took: who comes back when it should be there finds it, and has no other one made. Throws nothing.
   */
  look(): Look<T>;
}

/** A storage that answers so late hangs: whoever waits is told, and the next who asks has it tried again. */
const LONGEST_MS = 15 * 60_000;

/**
 * Keeps what `make` last answered, so that however many ask, the storage is read once: one is made at a time. `make` may give an older one, which stands in
 * for the first until that is made.
 */
export function kept<T>(
  options: KeptFor,
  now: () => Date,
  make: (older: (made: Made<T>) => void) => Promise<T>,
): Kept<T> {
  const { freshMs, usableMs = freshMs, failed } = options;
  let last: Made<T> | undefined;
  let lastTookMs: number | undefined;
  let making: { readonly since: number; readonly made: Promise<T> } | undefined;
  let failedAt: number | undefined;
  let endedAt: number | undefined;
  const ageOf = (time: number | undefined) =>
    // Of a clock that was put back nothing is known.
    time === undefined ? Number.POSITIVE_INFINITY : Math.abs(now().getTime() - time);
  return {
    async ask() {
      const age = ageOf(last?.at);
      if (last !== undefined && age < freshMs) return last.answer;
      const hasFailed = failedAt !== undefined;
      const { made } = begun();
      if (last === undefined || age >= usableMs || hasFailed) return made;
      made.catch(() => {});
      return last.answer;
    },
    look() {
      if (ageOf(endedAt) >= freshMs) begun().made.catch(() => {});
      return {
        ...(last === undefined ? {} : { last }),
        ...(making === undefined
          ? {}
          : { making: { since: making.since, ...(lastTookMs === undefined ? {} : { lastTookMs }) } }),
        ...(failedAt === undefined ? {} : { failedAt }),
      };
    },
  };

  function begun() {
    making ??= { since: now().getTime(), made: makeNext() };
    return making;
  }

  function older(made: Made<T>): void {
    last ??= made;
  }

  async function makeNext(): Promise<T> {
    // What is read from now on is at least as new as this.
    const at = now().getTime();
    try {
      const answer = await withinTime(LONGEST_MS, () => make(older), tooLate);
      last = { at, answer };
      lastTookMs = Math.max(0, now().getTime() - at);
      failedAt = undefined;
      return answer;
    } catch (error) {
      failedAt = now().getTime();
      failed?.(error);
      throw error;
    } finally {
      endedAt = now().getTime();
      making = undefined;
    }
  }
}

const tooLate = (): TransientError =>
  new TransientError("STORAGE_FAILED", `a storage has not answered within ${LONGEST_MS / 60_000} minutes`);
