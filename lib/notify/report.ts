import type { ErrorRecord } from "../errors.ts";

/** What can be told, worst first. A notifier's `on` names those that it wants to hear of. */
export const reportEvents = ["missed", "failure", "partial", "threshold", "recovered", "changed", "success"] as const;
export type ReportEvent = (typeof reportEvents)[number];

/** One message: everything that one invocation has to tell one notifier. Webhooks get it as it is (docs/notifications.md). */
export interface Report {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly kind: "run" | "watch" | "test";
  /** The machine that tells. */
  readonly host: string;
  readonly at: string;
  /** Of the worst job. */
  readonly status: "ok" | "partial" | "failed";
  readonly title: string;
  /** Worst first. */
  readonly jobs: readonly JobReport[];
  /** About the telling itself: who could not be reached. */
  readonly notes: readonly string[];
}

export interface JobReport {
  readonly job: string;
  readonly service: string;
  /** Stays the same for this job in this storage, whatever else of the configuration changes. */
  readonly key: string;
  readonly events: readonly ReportEvent[];
  readonly status: "ok" | "partial" | "failed" | "interrupted" | "late";
  /** In one line. */
  readonly summary: string;
  readonly snapshot?: string;
  /** Where the manifest lies, or what is left of the run. */
  readonly location?: string;
  readonly manifestKey?: string;
  readonly link?: string;
  /** The first ones. */
  readonly errors: readonly ToldError[];
  readonly moreErrors: number;
  /** Which thresholds were passed, in words. */
  readonly thresholds: readonly string[];
  /** When the first of the runs began that have not been good since. */
  readonly since?: string;
  /** Runs since then. */
  readonly badRuns: number;
  readonly lastGood: LastGood;
  readonly durationMs?: number;
  readonly bytes?: number;
  readonly units?: number;
  /** What was told of the job before and this good run does not end, in words; absent where nothing is left. */
  readonly standing?: readonly string[];
  /** What the run was narrowed to; absent for one of the whole job. */
  readonly only?: readonly string[];
  /** The one command to type next. */
  readonly next: string;
}

export interface ToldError {
  readonly code: ErrorRecord["code"];
  readonly message: string;
  readonly unit?: string;
}

/** `unknown` where the storage could not be read. */
export type LastGood = { readonly snapshot: string; readonly at: string; readonly ageMs: number } | "none" | "unknown";

export type ReportHead = Pick<Report, "tool" | "kind" | "host" | "at">;

/** Puts the jobs into one message, the worst first. */
export function makeReport(head: ReportHead, jobs: readonly JobReport[], notes: readonly string[] = []): Report {
  const sorted = [...jobs].sort((a, b) => rank(a) - rank(b));
  return { schemaVersion: 1, ...head, status: worst(jobs), title: titleOf(head.kind, sorted), jobs: sorted, notes };
}

/** The part of a job's report that is about these events; undefined when it holds none of them. */
export function onlyEvents(job: JobReport, wanted: readonly ReportEvent[]): JobReport | undefined {
  const events = job.events.filter((event) => wanted.includes(event));
  if (events.length === 0) return undefined;
  return { ...job, events, thresholds: events.includes("threshold") ? job.thresholds : [] };
}

interface Verdict {
  /** After a job's name. */
  readonly one: string;
  /** After a number of jobs. */
  readonly many: string;
}

const VERDICTS = {
  missed: { one: "needs attention", many: "need attention" },
  failed: { one: "failed", many: "failed" },
  interrupted: { one: "was interrupted", many: "interrupted" },
  partial: { one: "is partial", many: "partial" },
  recovered: { one: "is good again", many: "good again" },
  changed: { one: "has another schedule", many: "have another schedule" },
  threshold: { one: "is over a threshold", many: "over a threshold" },
  good: { one: "is good", many: "good" },
} as const satisfies Record<string, Verdict>;

/** What happened to a job. */
export function verdict({ events, status }: JobReport): Verdict {
  if (events.includes("missed")) return VERDICTS.missed;
  if (status === "failed" || status === "interrupted" || status === "partial") return VERDICTS[status];
  if (events.includes("recovered")) return VERDICTS.recovered;
  if (events.includes("changed")) return VERDICTS.changed;
  return events.includes("threshold") ? VERDICTS.threshold : VERDICTS.good;
}

/** A good run may have found that something is wrong with earlier snapshots. */
export const isBad = ({ status, events, standing }: JobReport): boolean =>
  status !== "ok" || (events.includes("missed") && standing !== undefined);

/** Whoever keeps incidents opens one, or has one open. */
export const beginsIncident = (job: JobReport): boolean => isBad(job) || job.events.includes("threshold");

/** What is open at whoever keeps incidents may be closed: the whole job is well, and nothing that was told of it is left. */
export function endsIncident(job: JobReport): boolean {
  // A threshold that a good run passed is an incident too, and the next good run without one ends it.
  if (beginsIncident(job)) return false;
  // A schedule that was changed says nothing of how the job is.
  if (job.events.every((event) => event === "changed")) return false;
  // Of the rest of the job a narrowed run knows nothing.
  return job.only === undefined && job.standing === undefined;
}

function rank({ events }: JobReport): number {
  const ranks = events.map((event) => reportEvents.indexOf(event));
  return ranks.length === 0 ? reportEvents.length : Math.min(...ranks);
}

function worst(jobs: readonly JobReport[]): Report["status"] {
  if (jobs.some((job) => isBad(job) && job.status !== "partial")) return "failed";
  return jobs.some(({ status }) => status === "partial") ? "partial" : "ok";
}

function titleOf(kind: Report["kind"], jobs: readonly JobReport[]): string {
  if (kind === "test") return "a test, nothing happened";
  const [first, ...others] = jobs;
  if (first === undefined) return "nothing to tell";
  if (others.length === 0) return `${first.job} ${verdict(first).one}`;
  const counts = new Map<string, number>();
  for (const { many } of jobs.map(verdict)) counts.set(many, (counts.get(many) ?? 0) + 1);
  return `of ${jobs.length} jobs ${[...counts].map(([many, count]) => `${count} ${many}`).join(", ")}`;
}
