import { type JobReport, makeReport, type Report } from "../../lib/notify/report.ts";

const REPORT_TIME = new Date("2026-11-26T03:10:00Z");

/** What there is to tell of a job that has failed for six days. */
export const aJobReport = (changes: Partial<JobReport> = {}): JobReport => ({
  job: "docs",
  service: "filesystem",
  key: "core-backup/docs/0123456789abcdef",
  events: ["failure"],
  status: "failed",
  summary: "2 of 5 units failed",
  snapshot: "2026-11-26T030000Z",
  location: "/mnt/backups/docs/2026-11-26/030000Z/manifest.json",
  manifestKey: "docs/2026-11-26/030000Z/manifest.json",
  errors: [
    { code: "SOURCE_FORBIDDEN", message: "the credentials lack a right", unit: "my-org/app" },
    { code: "SOURCE_NOT_FOUND", message: "no such repository", unit: "my-org/web" },
  ],
  moreErrors: 0,
  thresholds: [],
  since: "2026-11-20T03:00:00.000Z",
  badRuns: 7,
  lastGood: { snapshot: "2026-11-19T030000Z", at: "2026-11-19T03:00:00.000Z", ageMs: 605_400_000 },
  durationMs: 83_000,
  bytes: 1_234_567_890,
  units: 5,
  next: "core-backup show --config core-backup.yml --job docs --snapshot 2026-11-26T030000Z",
  ...changes,
});

export const aGoodJobReport = (changes: Partial<JobReport> = {}): JobReport => {
  const { since: _, ...rest } = aJobReport();
  return {
    ...rest,
    events: ["recovered", "success"],
    status: "ok",
    summary: "5 units, 1.1 GiB in 1 min 23 s",
    errors: [],
    badRuns: 0,
    lastGood: { snapshot: "2026-11-26T030000Z", at: "2026-11-26T03:00:00.000Z", ageMs: 600_000 },
    next: "core-backup list --config core-backup.yml --job docs",
    ...changes,
  };
};

export const aReport = (
  jobs: readonly JobReport[] = [aJobReport()],
  { kind = "run", notes = [] }: { readonly kind?: Report["kind"]; readonly notes?: readonly string[] } = {},
): Report =>
  makeReport(
    { tool: { name: "core-backup", version: "1.2.3" }, kind, host: "backup-1", at: REPORT_TIME.toISOString() },
    jobs,
    notes,
  );
