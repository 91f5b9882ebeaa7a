import type { MetricName, Sample } from "../measures/metric-families.ts";

type Unit = "Seconds" | "Bytes" | "Count";

export interface CloudwatchMetric {
  readonly name: string;
  readonly unit: Unit;
  readonly of: MetricName;
  readonly labels?: Sample["labels"];
  /** From what the run added, instead of what there is. */
  readonly added?: true;
  /** A time as how long ago it is: CloudWatch has no clock in its expressions. */
  readonly age?: true;
}

const table = [
  { name: "RunsOk", unit: "Count", of: "core_backup_runs_total", labels: { status: "ok" }, added: true },
  { name: "RunsPartial", unit: "Count", of: "core_backup_runs_total", labels: { status: "partial" }, added: true },
  { name: "RunsFailed", unit: "Count", of: "core_backup_runs_total", labels: { status: "failed" }, added: true },
  { name: "RunDuration", unit: "Seconds", of: "core_backup_last_run_duration_seconds" },
  { name: "UnitsFailed", unit: "Count", of: "core_backup_snapshot_units", labels: { status: "failed" } },
  { name: "Artifacts", unit: "Count", of: "core_backup_snapshot_artifacts" },
  { name: "SourceBytes", unit: "Bytes", of: "core_backup_snapshot_bytes", labels: { side: "source" } },
  { name: "StoredBytes", unit: "Bytes", of: "core_backup_snapshot_bytes", labels: { side: "stored" } },
  { name: "RemovedSnapshots", unit: "Count", of: "core_backup_removed_snapshots_total", added: true },
  { name: "GoodSnapshotAge", unit: "Seconds", of: "core_backup_last_good_snapshot_timestamp_seconds", age: true },
  { name: "ProofAge", unit: "Seconds", of: "core_backup_last_proof_timestamp_seconds", age: true },
] as const satisfies readonly CloudwatchMetric[];

export type CloudwatchMetricName = (typeof table)[number]["name"];

/** In CloudWatch's words. Few, since each costs money for each job. */
export const cloudwatchMetrics: readonly CloudwatchMetric[] = table;

/** Beside them with `all: true`. Errors are by `Code` as well, in lines of their own. */
export const furtherMetrics: readonly CloudwatchMetric[] = [
  ...(["ok", "unchanged", "skipped"] as const).map((status) => unitsThatAre(status)),
  {
    name: "RunsInterrupted",
    unit: "Count",
    of: "core_backup_runs_total",
    labels: { status: "interrupted" },
    added: true,
  },
  { name: "RunsRefused", unit: "Count", of: "core_backup_runs_total", labels: { status: "refused" }, added: true },
  { name: "SuccessAge", unit: "Seconds", of: "core_backup_last_success_timestamp_seconds", age: true },
  { name: "LeaseWait", unit: "Seconds", of: "core_backup_last_run_lease_wait_seconds" },
  { name: "SourceRequests", unit: "Count", of: "core_backup_source_requests_total", added: true },
  { name: "SourceQuotaLeft", unit: "Count", of: "core_backup_source_quota_remaining" },
];

function unitsThatAre(status: "ok" | "unchanged" | "skipped"): CloudwatchMetric {
  const name = `Units${status[0]?.toUpperCase()}${status.slice(1)}`;
  return { name, unit: "Count", of: "core_backup_snapshot_units", labels: { status } };
}
