import type { Job } from "../config/schema.ts";
import type { JobStanding } from "../job-standing.ts";
import { snapshotTime } from "../keys.ts";
import { dueAt } from "../scheduling/due.ts";
import { nextRuns } from "../scheduling/schedule.ts";
import { tool } from "../tool.ts";
import { type MetricName, RUN_STATUSES, type Sample } from "./metric-families.ts";
import type { RunCounts } from "./run-counts.ts";

export interface JobSamplesInput {
  /** The configuration's absolute path. */
  readonly configFile: string;
  readonly job: Job;
  /** Undefined when the storage could not be read. */
  readonly stored: { readonly standing: JobStanding; readonly counts: RunCounts } | undefined;
  readonly now: Date;
  /** Since when a run goes on. */
  readonly running?: Date | undefined;
}

/** Everything that is known of a job, as samples. What is not known has none, instead of a 0 that would lie. Pure. */
export function jobSamples({ configFile, job, stored, now, running }: JobSamplesInput): readonly Sample[] {
  const info = {
    service: job.service,
    storage: job.target_storage,
    config: configFile,
    version: tool.version,
  };
  const [next] = job.schedule === undefined ? [] : nextRuns(job.schedule, job.timezone, now, 1);
  return [
    sample("core_backup_job_info", 1, info),
    sample("core_backup_storage_readable", stored === undefined ? 0 : 1),
    ...(next === undefined ? [] : [sample("core_backup_next_run_timestamp_seconds", seconds(next))]),
    ...(stored === undefined ? [] : [...standingSamples(job, stored.standing), ...countSamples(stored.counts)]),
    ...(stored === undefined && running === undefined ? [] : runningSamples(running)),
    ...startSamples(stored?.counts.last, running),
  ];
}

function standingSamples(job: Job, standing: JobStanding): readonly Sample[] {
  const { newest, success, good, proved, provedAt, first } = standing;
  const counts = job.verify.prove === false ? good : proved;
  const since = timeOf(counts) ?? timeOf(first);
  const manifest = newest?.manifest;
  // All that can be proved without a private key was, so that what is missing is the key.
  const isSealed = proved !== undefined && provedAt === undefined;
  return [
    ...moment(
      "core_backup_last_success_timestamp_seconds",
      success === undefined ? undefined : new Date(success.finishedAt),
    ),
    ...moment("core_backup_last_good_snapshot_timestamp_seconds", timeOf(good)),
    ...moment("core_backup_last_proof_timestamp_seconds", provedAt),
    sample("core_backup_proof_expected", job.verify.prove === false || isSealed ? 0 : 1),
    ...moment("core_backup_due_timestamp_seconds", since === undefined ? undefined : dueAt(job, since)),
    ...(manifest === undefined ? [] : manifestSamples(manifest.totals)),
  ];
}

function manifestSamples(totals: NonNullable<NonNullable<JobStanding["newest"]>["manifest"]>["totals"]) {
  const units = (["ok", "unchanged", "failed", "skipped"] as const).map((status) =>
    sample("core_backup_snapshot_units", totals[status], { status }),
  );
  return [
    sample("core_backup_snapshot_artifacts", totals.artifacts),
    sample("core_backup_snapshot_bytes", totals.sourceBytes, { side: "source" }),
    sample("core_backup_snapshot_bytes", totals.bytes, { side: "stored" }),
    ...units,
  ];
}

function countSamples(counts: RunCounts): readonly Sample[] {
  const { last, runs, errors, collectedBytes, sourceQuotaRemaining } = counts;
  return [
    ...(last === undefined ? [] : lastRunSamples(last)),
    // From the start, so that the first of a kind is an increase and not a beginning.
    ...[...RUN_STATUSES, "refused"].map((status) =>
      sample("core_backup_runs_total", Object.hasOwn(runs, status) ? (runs[status] ?? 0) : 0, { status }),
    ),
    ...Object.entries(errors).map(([code, count]) => sample("core_backup_errors_total", count, { code })),
    sample("core_backup_collected_bytes_total", collectedBytes.source, { side: "source" }),
    sample("core_backup_collected_bytes_total", collectedBytes.stored, { side: "stored" }),
    sample("core_backup_removed_snapshots_total", counts.removedSnapshots),
    sample("core_backup_lease_wait_seconds_total", counts.leaseWaitSeconds),
    sample("core_backup_source_requests_total", counts.sourceRequests),
    ...(sourceQuotaRemaining === undefined ? [] : [sample("core_backup_source_quota_remaining", sourceQuotaRemaining)]),
  ];
}

const runningSamples = (running: Date | undefined): readonly Sample[] => [
  sample("core_backup_running", running === undefined ? 0 : 1),
  ...moment("core_backup_running_since_timestamp_seconds", running),
];

/** Of a run that goes on; it is later than the last end until that run ends. */
function startSamples(last: RunCounts["last"], running: Date | undefined): readonly Sample[] {
  const started = running ?? (last === undefined ? undefined : new Date(last.startedAt));
  return moment("core_backup_last_run_started_timestamp_seconds", started);
}

function lastRunSamples({ startedAt, endedAt, status, leaseWaitSeconds }: NonNullable<RunCounts["last"]>) {
  const [started, ended] = [new Date(startedAt), new Date(endedAt)];
  return [
    sample("core_backup_last_run_ended_timestamp_seconds", seconds(ended)),
    sample("core_backup_last_run_duration_seconds", Math.max(0, seconds(ended) - seconds(started))),
    ...RUN_STATUSES.map((one) => sample("core_backup_last_run_status", one === status ? 1 : 0, { status: one })),
    sample("core_backup_last_run_lease_wait_seconds", leaseWaitSeconds),
  ];
}

export const sample = (name: MetricName, value: number, labels: Sample["labels"] = {}): Sample => ({
  name,
  labels,
  value,
});

const moment = (name: MetricName, time: Date | undefined): readonly Sample[] =>
  time === undefined ? [] : [sample(name, seconds(time))];

const timeOf = (snapshot: string | undefined): Date | undefined =>
  snapshot === undefined ? undefined : snapshotTime(snapshot);

const seconds = (time: Date): number => time.getTime() / 1000;
