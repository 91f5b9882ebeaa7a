/**
 * Every metric there is, once: outputs, docs/metrics.md, the dashboard and the alerting rules are made from this table or
 * tested against it. Names and units as Prometheus has them: https://prometheus.io/docs/practices/naming/
 */
export interface MetricFamily {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** Beside `backup_job`, which all have. `job` would be the scraper's own label. */
  readonly labels: readonly string[];
}

const gauge = <Name extends string>(name: Name, help: string, ...labels: readonly string[]) =>
  ({ name, type: "gauge", help, labels }) as const;
const counter = <Name extends string>(name: Name, help: string, ...labels: readonly string[]) =>
  ({ name, type: "counter", help, labels }) as const;

export const metricFamilies = [
  gauge("core_backup_job_info", "What the job is; always 1.", "service", "storage", "config", "version"),
  gauge("core_backup_storage_readable", "1 if the job's snapshots could be read, else 0."),
  gauge(
    "core_backup_last_success_timestamp_seconds",
    "When the newest run of which everything was stored ended. Unix time.",
  ),
  gauge(
    "core_backup_last_good_snapshot_timestamp_seconds",
    "When the run of the newest good snapshot began: its status is ok and it was verified. Unix time.",
  ),
  gauge(
    "core_backup_last_proof_timestamp_seconds",
    "When the newest snapshot that was proved as a whole was proved. Unix time.",
  ),
  gauge(
    "core_backup_proof_expected",
    "0 if the job does not prove, or its snapshots are encrypted to a key that was not at hand; else 1.",
  ),
  gauge("core_backup_due_timestamp_seconds", "By when the next good snapshot has to be there. Unix time."),
  gauge("core_backup_next_run_timestamp_seconds", "When the schedule starts the job next. Unix time."),
  gauge("core_backup_running", "1 while a run of the job is going on, else 0."),
  gauge("core_backup_running_since_timestamp_seconds", "Since when the run that is going on does so. Unix time."),
  gauge("core_backup_snapshot_artifacts", "Artifacts of the newest snapshot."),
  gauge("core_backup_snapshot_bytes", "Size of the newest snapshot: as it was read, and as it is stored.", "side"),
  gauge("core_backup_snapshot_units", "Units of the newest snapshot by how they ended.", "status"),
  gauge("core_backup_last_run_started_timestamp_seconds", "When the last run began. Unix time."),
  gauge("core_backup_last_run_ended_timestamp_seconds", "When the last run ended. Unix time."),
  gauge("core_backup_last_run_duration_seconds", "How long the last run took."),
  gauge("core_backup_last_run_status", "1 for the status that the last run ended with, else 0.", "status"),
  gauge("core_backup_last_run_lease_wait_seconds", "How long the last run waited for the job's lease."),
  counter("core_backup_runs_total", "Runs by how they ended; refused: another process had the lease.", "status"),
  counter("core_backup_errors_total", "Failures of runs, units and artifacts by error code.", "code"),
  counter(
    "core_backup_collected_bytes_total",
    "Bytes that runs collected, without what was reused: as they were read, and as they were stored.",
    "side",
  ),
  counter("core_backup_removed_snapshots_total", "Snapshots that the retention removed."),
  counter("core_backup_lease_wait_seconds_total", "Time that runs waited for the job's lease."),
  counter(
    "core_backup_source_requests_total",
    "Requests to the source's API for units, where the source counts them: github.",
  ),
  gauge(
    "core_backup_source_quota_remaining",
    "Requests that the source's quota left when units of the last run were read: github.",
  ),
] as const satisfies readonly MetricFamily[];

export type MetricName = (typeof metricFamilies)[number]["name"];

/** One value of a job. Labels without `backup_job`. */
export interface Sample {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export const RUN_STATUSES = ["ok", "partial", "failed", "interrupted"] as const;
