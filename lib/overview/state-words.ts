import type { DayState } from "./days.ts";

/** What people are told of a run or a day, on the page and on a terminal. */
export const stateWords: Readonly<Record<DayState, string>> = {
  proved: "good and proved",
  good: "good",
  narrowed: "good, of some units only",
  unverified: "stored, not verified",
  partial: "partial",
  failed: "failed",
  missed: "missed",
  running: "running",
  none: "no run",
};
