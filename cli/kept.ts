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

/**
 * Answers what `make` last answered, so that however many ask, the storage is read once: one is made at a time. Who asks
 * while there is none that can be answered waits for it. What failed is not kept, and who waits for it is told; while there is one to
 * answer, the next who asks has it tried again.
 */
export function kept<T>(
  { freshMs, usableMs = freshMs }: KeptFor,
  now: () => Date,
  make: () => Promise<T>,
): () => Promise<T> {
  let last: Made<T> | undefined;
  let making: Promise<T> | undefined;
  return async () => {
    // Of a clock that was put back nothing is known.
    const age = last === undefined ? Number.POSITIVE_INFINITY : Math.abs(now().getTime() - last.at);
    if (last !== undefined && age < freshMs) return last.answer;
    making ??= makeNext();
    if (last === undefined || age >= usableMs) return making;
    making.catch(() => {});
    return last.answer;
  };

  async function makeNext(): Promise<T> {
    // What is read from now on is at least as new as this.
    const at = now().getTime();
    try {
      const answer = await make();
      last = { at, answer };
      return answer;
    } finally {
      making = undefined;
    }
  }
}
