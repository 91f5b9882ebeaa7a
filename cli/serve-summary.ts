import { formatAge, formatDuration, formatTime } from "../lib/format.ts";
import { printable } from "../lib/printable.ts";
import type { ServedJob, Service } from "../lib/scheduling/serve.ts";
import type { WatchedJob } from "../lib/watch/watch-job.ts";
import { table } from "./table.ts";

export interface SummaryInput {
  readonly service: Service;
  /** What the storage says, as the watch sees it. */
  readonly watched: readonly WatchedJob[];
  readonly now: Date;
}

/** All jobs with what the storage says of them and what the scheduler will do, as plain text. */
export function serveSummary({ service, watched: looked, now }: SummaryInput): string {
  const config = service.config();
  const watched = new Map(looked.map((one) => [one.job, one]));
  const served = new Map(service.jobs().map((one) => [one.job, one]));
  const rows = config.jobs.map((job) => {
    const seen = watched.get(job.name);
    return [
      job.name,
      seen === undefined ? "-" : seen.ok ? "ok" : "NOT OK",
      seen?.snapshot ?? "-",
      spanText(seen?.age),
      spanText(seen?.deadline),
      lastText(served.get(job.name)),
      stateText(served.get(job.name), job.timezone, now),
    ];
  });
  const columns = ["job", "", "newest that counts", "age", "deadline", "last run here", "now"].map((title) => ({
    title,
  }));
  const problems = [...watched.values()].flatMap(({ job, problems: found }) =>
    found.map(({ code, message }) => `  ${printable(`${job}: ${code}: ${message}`)}\n`),
  );
  const refused = service.refused();
  return [
    `core-backup ${config.file}, ${now.toISOString()}\n\n`,
    table(columns, rows, undefined),
    problems.length === 0 ? "" : `\nproblems:\n${problems.join("")}`,
    refused === undefined
      ? ""
      : `\nthe file was changed and is wrong, so the configuration before is in force:\n  ${printable(refused)}\n`,
  ].join("");
}

function lastText(job: ServedJob | undefined): string {
  if (job?.last === undefined) return "-";
  const { status, error } = job.last;
  return error === undefined ? status : `${status}, ${error.code}`;
}

function stateText(job: ServedJob | undefined, timezone: string, now: Date): string {
  if (job === undefined) return "-";
  if (job.state === "running") return `running, begun ${formatAge(now.getTime() - job.since.getTime())}`;
  if (job.next === undefined) return "no schedule";
  return job.next.begin <= now ? "due" : `next ${formatTime(job.next.begin, timezone)}`;
}

const spanText = (seconds: number | null | undefined): string =>
  seconds === null || seconds === undefined ? "-" : formatDuration(seconds * 1000);
