import { formatAge, formatBytes, formatCount, formatDuration, formatMinute } from "../format.ts";
import { type JobReport, type Report, verdict } from "../notify/report.ts";

/** What every form of a message is made of, so that all of them say the same. */

export interface Line {
  readonly label: string;
  readonly text: string;
  /** To be typed, or a path: shown as it stands. */
  readonly code?: boolean;
}

/** `core-backup on backup-1: docs failed`; a test is marked as one. */
export function subject({ kind, host, title }: Report): string {
  return `${kind === "test" ? "[TEST] " : ""}core-backup on ${host}: ${title}`;
}

export const jobTitle = (job: JobReport): string => `${job.job} ${verdict(job).one}`;

/** What is known of a job, in the order of what one asks first. */
export function jobLines(job: JobReport, now: Date): readonly Line[] {
  const lines: Line[] = [{ label: "what", text: job.summary }];
  if (job.since !== undefined) {
    lines.push({ label: "since", text: `${when(job.since, now)}${job.badRuns > 1 ? `, ${job.badRuns} runs` : ""}` });
  }
  lines.push({ label: "last good", text: lastGoodText(job, now) });
  for (const threshold of job.thresholds) lines.push({ label: "threshold", text: threshold });
  for (const text of job.standing ?? []) lines.push({ label: "still", text });
  for (const { code, message, unit } of job.errors) {
    const said = `${code}: ${message}`;
    // A run that never began has its error as its summary.
    if (job.summary !== said) lines.push({ label: "error", text: unit === undefined ? said : `${unit}: ${said}` });
  }
  if (job.moreErrors > 0) lines.push({ label: "error", text: `and ${job.moreErrors} more` });
  if (job.location !== undefined) lines.push({ label: "lies in", text: job.location, code: true });
  lines.push({ label: "next", text: job.next, code: true });
  return lines;
}

/** For jobs beyond those that are told in full. */
export const jobLine = (job: JobReport): string => `${jobTitle(job)}: ${job.summary}`;

/** `2026-11-20 03:00 UTC, 6 d ago` */
function when(instant: string, now: Date): string {
  const time = new Date(instant);
  return `${formatMinute(time)}, ${formatAge(now.getTime() - time.getTime())}`;
}

/** In figures, where they are known. */
export function figures(job: JobReport): string | undefined {
  if (job.bytes === undefined || job.units === undefined || job.durationMs === undefined) return undefined;
  return `${formatCount(job.units, "unit")}, ${formatBytes(job.bytes)}, ${formatDuration(job.durationMs)}`;
}

function lastGoodText({ lastGood }: JobReport, now: Date): string {
  if (lastGood === "none") return "there is none";
  if (lastGood === "unknown") return "unknown: the storage cannot be read";
  return `${lastGood.snapshot}, ${formatAge(now.getTime() - Date.parse(lastGood.at))}`;
}

/** Splits what is told in full from what gets a line, and counts what is left out. */
export function bounded(
  jobs: readonly JobReport[],
  full: number,
  short: number,
): { readonly full: readonly JobReport[]; readonly short: readonly JobReport[]; readonly leftOut: number } {
  const rest = jobs.slice(full);
  return { full: jobs.slice(0, full), short: rest.slice(0, short), leftOut: Math.max(0, rest.length - short) };
}

export const TEST_TEXT = "This is a test. Nothing happened, and nothing is to be done.";
