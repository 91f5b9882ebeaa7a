import type { WatchedJob } from "../../lib/watch/watch-job.ts";

/** One that is well. */
export const aWatchedJob = (job: string): WatchedJob => ({
  job,
  storage: "s3",
  notices: [],
  ok: true,
  age: 3_600,
  deadline: 90_000,
  lateBy: 0,
  lateSince: null,
  problems: [],
  snapshot: "2026-11-26T020000Z",
});
