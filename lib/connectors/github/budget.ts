const HOUR_MS = 3_600_000;

/** Leaves room for others: at most so many requests in any hour. */
export interface Budget {
  /** The moment when one more may be sent; in the past when that is now. */
  freeAt(nowMs: number): number;
  spend(nowMs: number): void;
  /**
   * How many requests by one account GitHub may have counted in its hour, whoever sent them: functions that collect at the same time know of each
   * other by GitHub's count alone. Undefined where there is no budget.
   */
  readonly perAccount: number | undefined;
}

export function budgetOf(perHour: number | undefined, accounts = 1): Budget {
  if (perHour === undefined) return { freeAt: () => 0, spend: () => {}, perAccount: undefined };
  // The moments of the last `perHour` requests, in a ring.
  const sent: number[] = [];
  let oldest = 0;
  return {
    perAccount: Math.ceil(perHour / accounts),
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
