import * as z from "zod";
import type { ErrorRecord } from "../errors.ts";
import { snapshotTime } from "../keys.ts";
import type { ManifestUnit } from "../manifest.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";
import { sample } from "./job-samples.ts";
import type { Sample } from "./metric-families.ts";
import type { RunCounts } from "./run-counts.ts";
import type { StepTime } from "./run-trace.ts";

/** When things of a run happened. Times are ISO 8601. */
export interface RunTiming {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly leaseWaitMs: number;
  readonly steps: readonly StepTime[];
}

/** A run that ended, as whoever ran it knows it. The rest is read from its snapshot. */
export interface MeasuredRun {
  readonly job: string;
  readonly status: "ok" | "partial" | "failed" | "interrupted" | "refused";
  readonly snapshot?: string | undefined;
  readonly error?: ErrorRecord | undefined;
  /** What it is known by, where it may end again: it counts once. */
  readonly run?: string | undefined;
  /** Absent where the steps were processes of their own. */
  readonly timing?: RunTiming | undefined;
  /** How many snapshots the retention removed. */
  readonly removed: number;
}

/** What one run adds to the counters of its job. */
export interface RunMeasures {
  readonly status: MeasuredRun["status"];
  readonly run?: string | undefined;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly errors: Readonly<Record<string, number>>;
  readonly collectedBytes: RunCounts["collectedBytes"];
  readonly removedSnapshots: number;
  readonly leaseWaitSeconds: number;
  readonly sourceRequests: number;
  /** Absent where the source has no quota, or said nothing of it. */
  readonly sourceQuotaRemaining?: number;
}

/** What a connector says of its requests, in the facts of a unit's artifact. */
const statsSchema = z.object({ requests: z.int().nonnegative(), remaining: z.int().nonnegative().optional() });

/** `entry`: the run's snapshot, where one came to exist. Pure. */
export function measureRun(run: MeasuredRun, entry: SnapshotEntry | undefined, now: Date): RunMeasures {
  const units = entry?.manifest?.units ?? [];
  const collected = units
    .filter(({ reusedFrom }) => reusedFrom === undefined)
    .flatMap(({ artifacts }) => artifacts.filter(({ reusedFrom }) => reusedFrom === undefined));
  const sum = (of: "bytes" | "sourceBytes") => collected.reduce((total, artifact) => total + artifact[of], 0);
  const begun = run.snapshot === undefined ? now : (snapshotTime(run.snapshot) ?? now);
  return {
    status: run.status,
    run: run.run,
    startedAt: run.timing?.startedAt ?? begun.toISOString(),
    endedAt: run.timing?.endedAt ?? now.toISOString(),
    errors: errorsOf(run, entry),
    collectedBytes: { source: sum("sourceBytes"), stored: sum("bytes") },
    removedSnapshots: run.removed,
    leaseWaitSeconds: (run.timing?.leaseWaitMs ?? 0) / 1000,
    ...requestsOf(units),
  };
}

/** Whether that very run ended before, as one does that is stopped once all was told of it. Pure. */
export const isCounted = ({ last }: RunCounts, { run }: RunMeasures): boolean => run !== undefined && last?.run === run;

/** Pure. */
export function addRun(counts: RunCounts, run: RunMeasures): RunCounts {
  const { status, startedAt, endedAt, leaseWaitSeconds } = run;
  const errors = { ...counts.errors };
  for (const [code, count] of Object.entries(run.errors)) errors[code] = (errors[code] ?? 0) + count;
  return {
    ...counts,
    runs: { ...counts.runs, [status]: (counts.runs[status] ?? 0) + 1 },
    errors,
    collectedBytes: {
      source: counts.collectedBytes.source + run.collectedBytes.source,
      stored: counts.collectedBytes.stored + run.collectedBytes.stored,
    },
    removedSnapshots: counts.removedSnapshots + run.removedSnapshots,
    leaseWaitSeconds: counts.leaseWaitSeconds + leaseWaitSeconds,
    sourceRequests: counts.sourceRequests + run.sourceRequests,
    ...(run.sourceQuotaRemaining === undefined ? {} : { sourceQuotaRemaining: run.sourceQuotaRemaining }),
    // Nothing was begun, so the last run is still the one before.
    ...(status === "refused"
      ? {}
      : { last: { startedAt, endedAt, status, leaseWaitSeconds, ...(run.run === undefined ? {} : { run: run.run }) } }),
  };
}

/** What a run adds, for outputs that count by themselves. Pure. */
export function incrementSamples(run: RunMeasures): readonly Sample[] {
  const { status, errors, collectedBytes, removedSnapshots, leaseWaitSeconds } = run;
  return [
    sample("core_backup_runs_total", 1, { status }),
    ...Object.entries(errors).map(([code, count]) => sample("core_backup_errors_total", count, { code })),
    sample("core_backup_collected_bytes_total", collectedBytes.source, { side: "source" }),
    sample("core_backup_collected_bytes_total", collectedBytes.stored, { side: "stored" }),
    sample("core_backup_removed_snapshots_total", removedSnapshots),
    sample("core_backup_lease_wait_seconds_total", leaseWaitSeconds),
    sample("core_backup_source_requests_total", run.sourceRequests),
  ];
}

/** Of units that were asked for: one that was reused as a whole has the facts of another run. */
function requestsOf(units: readonly ManifestUnit[]): Pick<RunMeasures, "sourceRequests" | "sourceQuotaRemaining"> {
  const stats = units
    .filter(({ attempts }) => attempts > 0)
    .flatMap(({ artifacts }) => artifacts.flatMap(({ facts }) => statsSchema.safeParse(facts.stats).data ?? []));
  const remaining = stats.flatMap((one) => one.remaining ?? []);
  const sourceRequests = stats.reduce((total, { requests }) => total + requests, 0);
  return remaining.length === 0
    ? { sourceRequests }
    : { sourceRequests, sourceQuotaRemaining: remaining.reduce((least, one) => Math.min(least, one)) };
}

/** Of units, of what did not pass verification, and of the run itself unless that is one of them. */
function errorsOf(run: MeasuredRun, entry: SnapshotEntry | undefined): Record<string, number> {
  const { manifest, verification } = entry ?? {};
  const all = [
    ...(manifest?.units ?? []).flatMap(({ status, error }) =>
      status === "failed" && error !== undefined ? [error] : [],
    ),
    ...(verification?.faults ?? []),
    ...(verification?.artifacts ?? []).flatMap(({ error }) => (error === undefined ? [] : [error])),
  ];
  if (run.error !== undefined && !all.some(({ message }) => message === run.error?.message)) all.push(run.error);
  const counts: Record<string, number> = {};
  for (const { code } of all) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
