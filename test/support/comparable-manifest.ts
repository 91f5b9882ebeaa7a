import type { Manifest } from "../../lib/manifest.ts";

/** What must not differ between a desk and AWS: all but times, ids of the run, where it was computed and where it is stored. */
export function comparable({ status, totals, units, service, job }: Manifest): unknown {
  return {
    job,
    service,
    status,
    totals,
    units: units.map(({ durationMs: _d, startedAt: _s, ...unit }) => unit),
  };
}
