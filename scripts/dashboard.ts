import { writeFile } from "node:fs/promises";
import type { MetricName } from "../lib/measures/metric-families.ts";

/**
 * `node scripts/dashboard.ts --write` makes config/monitoring/dashboard.json, for Grafana 10 and newer. Queries are typed by
 * the names that there are, and a test compares the file with what this gives.
 */

interface Panel {
  readonly title: string;
  readonly type: "table" | "timeseries" | "stat";
  readonly unit: "s" | "bytes" | "short" | "dateTimeFromNow";
  readonly width: number;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
  /** From which value on it is red. */
  readonly red?: number;
}

const JOB = "{{backup_job}}";
const of = (name: MetricName, labels = ""): string => `${name}{backup_job=~"$job"${labels === "" ? "" : `,${labels}`}}`;
const one = (expr: string, legend = JOB) => [{ expr, legend }];

const panels: readonly Panel[] = [
  {
    title: "Late by",
    type: "stat",
    unit: "s",
    width: 8,
    red: 0,
    queries: one(`time() - ${of("core_backup_due_timestamp_seconds")}`),
  },
  {
    title: "Age of the newest good snapshot",
    type: "stat",
    unit: "s",
    width: 8,
    queries: one(`time() - ${of("core_backup_last_good_snapshot_timestamp_seconds")}`),
  },
  {
    title: "Age of the last proof",
    type: "stat",
    unit: "s",
    width: 8,
    queries: one(`time() - ${of("core_backup_last_proof_timestamp_seconds")}`),
  },
  {
    title: "Status of the last run",
    type: "table",
    unit: "short",
    width: 12,
    queries: one(`${of("core_backup_last_run_status")} == 1`, `${JOB} {{status}}`),
  },
  {
    title: "Next run",
    type: "table",
    unit: "dateTimeFromNow",
    width: 12,
    queries: one(`${of("core_backup_next_run_timestamp_seconds")} * 1000`),
  },
  {
    title: "Size of the newest snapshot",
    type: "timeseries",
    unit: "bytes",
    width: 12,
    queries: one(of("core_backup_snapshot_bytes"), `${JOB} {{side}}`),
  },
  {
    title: "Duration of the last run",
    type: "timeseries",
    unit: "s",
    width: 12,
    queries: one(of("core_backup_last_run_duration_seconds")),
  },
  {
    title: "Units by how they ended",
    type: "timeseries",
    unit: "short",
    width: 12,
    queries: one(of("core_backup_snapshot_units"), `${JOB} {{status}}`),
  },
  {
    title: "Errors a day by code",
    type: "timeseries",
    unit: "short",
    width: 12,
    queries: one(`increase(${of("core_backup_errors_total")}[1d])`, `${JOB} {{code}}`),
  },
  {
    title: "Runs a day",
    type: "timeseries",
    unit: "short",
    width: 12,
    queries: one(`increase(${of("core_backup_runs_total")}[1d])`, `${JOB} {{status}}`),
  },
  {
    title: "Collected a day",
    type: "timeseries",
    unit: "bytes",
    width: 12,
    queries: one(`increase(${of("core_backup_collected_bytes_total")}[1d])`, `${JOB} {{side}}`),
  },
  {
    title: "Snapshots removed a day",
    type: "timeseries",
    unit: "short",
    width: 8,
    queries: one(`increase(${of("core_backup_removed_snapshots_total")}[1d])`),
  },
  {
    title: "Waiting for the lease a day",
    type: "timeseries",
    unit: "s",
    width: 8,
    queries: one(`increase(${of("core_backup_lease_wait_seconds_total")}[1d])`),
  },
  {
    title: "Requests to the source a day, and its quota",
    type: "timeseries",
    unit: "short",
    width: 8,
    queries: [
      { expr: `increase(${of("core_backup_source_requests_total")}[1d])`, legend: `${JOB} requests` },
      { expr: of("core_backup_source_quota_remaining"), legend: `${JOB} left` },
    ],
  },
];

const HEIGHT = 8;
const COLUMNS = 24;
const DATASOURCE = { type: "prometheus", uid: "$datasource" };

/** The dashboard as the file has it. */
export function dashboardText(): string {
  let [x, y] = [0, 0];
  const placed = panels.map((panel, index) => {
    if (x + panel.width > COLUMNS) [x, y] = [0, y + HEIGHT];
    const gridPos = { x, y, w: panel.width, h: HEIGHT };
    x += panel.width;
    return panelJson(panel, index + 1, gridPos);
  });
  const jobs: MetricName = "core_backup_job_info";
  const dashboard = {
    uid: "core-backup",
    title: "core-backup",
    schemaVersion: 39,
    tags: ["backup"],
    time: { from: "now-30d", to: "now" },
    refresh: "5m",
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus" },
        {
          name: "job",
          type: "query",
          datasource: DATASOURCE,
          query: { query: `label_values(${jobs}, backup_job)`, refId: "jobs" },
          ...{ refresh: 2, multi: true, includeAll: true, allValue: ".*", current: { text: "All", value: "$__all" } },
        },
      ],
    },
    panels: placed,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelJson({ title, type, unit, queries, red }: Panel, id: number, gridPos: object): object {
  const steps = [{ color: "green", value: null }, ...(red === undefined ? [] : [{ color: "red", value: red }])];
  return {
    ...{ id, title, type, gridPos, datasource: DATASOURCE },
    fieldConfig: { defaults: { unit, thresholds: { mode: "absolute", steps } }, overrides: [] },
    targets: queries.map(({ expr, legend }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: DATASOURCE, expr, legendFormat: legend },
      ...(type === "timeseries" ? {} : { instant: true }),
      ...(type === "table" ? { format: "table" } : {}),
    })),
  };
}

if (process.argv.includes("--write")) {
  await writeFile(new URL("../config/monitoring/dashboard.json", import.meta.url), dashboardText());
}
