const HOUR_MS = 3_600_000;

/** Leaves room for others: at most so many requests in any hour. */
export interface Budget {
  /** The moment when one more may be sent; in the past when that is now. */
  freeAt(nowMs: number): number;
  spend(nowMs: number): void;
}

export function budgetOf(perHour: number | undefined): Budget {
  if (perHour === undefined) return { freeAt: () => 0, spend: () => {} };
  // The moments of the last `perHour` requests, in a ring.
  const sent: number[] = [];
  let oldest = 0;
  return {
    freeAt: (nowMs) => (sent.length < perHour ? 0 : Math.max(0, (sent[oldest] ?? nowMs) + HOUR_MS)),
    spend(nowMs) {
      if (sent.length < perHour) {
        sent.push(nowMs);
        return;
      }
      sent[oldest] = nowMs;
      oldest = (oldest + 1) % perHour;
    },
  };
}
