import { TransientError } from "../lib/errors.ts";
import { withDeadline } from "../lib/scheduling/deadline.ts";

interface KeptFor {
  /** So long nothing newer is made. */
  readonly freshMs: number;
  /** So long, from `freshMs` on, the last one is answered at once while a newer one is made. Default: not at all. */
  readonly usableMs?: number;
}

interface Made<T> {
  readonly at: number;
  readonly answer: T;
}

/** A storage that answers so late hangs: whoever waits is told, and the next who asks has it tried again. */
const LONGEST_MS = 15 * 60_000;

/**
 * Answers what `make` last answered, so that however many ask, the storage is read once: one is made at a time. Who asks
 * while there is none that can be answered waits for it. What failed is not kept, and who waits for it is told; after a failure that
 * nobody waited for the next who asks waits, so that nobody looks at an old answer without knowing that no newer one can be made.
 * @throws TransientError when `make` takes longer than a quarter of an hour, or what it throws
 */
export function kept<T>(
  { freshMs, usableMs = freshMs }: KeptFor,
  now: () => Date,
  make: () => Promise<T>,
): () => Promise<T> {
  let last: Made<T> | undefined;
  let making: Promise<T> | undefined;
  let hasFailed = false;
  return async () => {
    // Of a clock that was put back nothing is known.
    const age = last === undefined ? Number.POSITIVE_INFINITY : Math.abs(now().getTime() - last.at);
    if (last !== undefined && age < freshMs) return last.answer;
    making ??= makeNext();
    if (last === undefined || age >= usableMs || hasFailed) return making;
    making.catch(() => {});
    return last.answer;
  };

  async function makeNext(): Promise<T> {
    // What is read from now on is at least as new as this.
    const at = now().getTime();
    try {
      const answer = await withDeadline(new AbortController().signal, LONGEST_MS, make, {
        reason: tooLate,
        graceMs: 0,
      });
      last = { at, answer };
      hasFailed = false;
      return answer;
    } catch (error) {
      hasFailed = true;
      throw error;
    } finally {
      making = undefined;
    }
  }
}

const tooLate = (): TransientError =>
  new TransientError("STORAGE_FAILED", `a storage has not answered within ${LONGEST_MS / 60_000} minutes`);
