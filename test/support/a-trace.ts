import type { RunTrace } from "../../lib/measures/run-trace.ts";

/** Of a run with two units, of which one failed. */
export const aTrace = (): RunTrace => ({
  job: "docs",
  service: "git",
  status: "partial",
  startedAt: "2026-11-22T03:00:00.000Z",
  endedAt: "2026-11-22T03:00:05.250Z",
  run: "01J",
  snapshot: "2026-11-22T030000Z",
  steps: [
    { name: "plan", startedAt: "2026-11-22T03:00:00.000Z", endedAt: "2026-11-22T03:00:01.000Z" },
    { name: "collect", startedAt: "2026-11-22T03:00:01.000Z", endedAt: "2026-11-22T03:00:04.000Z" },
  ],
  units: [
    {
      ...{ id: "org/app", status: "ok", attempts: 1, artifacts: 1, sourceBytes: 100, bytes: 40 },
      ...{ startedAt: "2026-11-22T03:00:01.000Z", endedAt: "2026-11-22T03:00:02.000Z" },
    },
    {
      ...{ id: "org/lost", status: "failed", attempts: 4, artifacts: 0, sourceBytes: 0, bytes: 0 },
      ...{ startedAt: "2026-11-22T03:00:01.000Z", endedAt: "2026-11-22T03:00:04.000Z" },
      error: { code: "SOURCE_FORBIDDEN", message: "no right" },
    },
  ],
});
