import type { JobReport, Report } from "../notify/report.ts";
import { bounded, jobLine, jobLines, jobTitle, subject, TEST_TEXT } from "./lines.ts";

const FULL_JOBS = 20;
const SHORT_JOBS = 200;
const LABEL_WIDTH = 10;

/** A report as plain text: for mails, SNS, and whatever shows no more than that. */
export function reportText(report: Report): string {
  const now = new Date(report.at);
  const { full, short, leftOut } = bounded(report.jobs, FULL_JOBS, SHORT_JOBS);
  const parts = [
    `${subject(report)}\n`,
    ...(report.kind === "test" ? [`${TEST_TEXT}\n`] : []),
    ...full.map((job) => jobText(job, now)),
    ...(short.length === 0 ? [] : [`also:\n${short.map((job) => `  ${jobLine(job)}\n`).join("")}`]),
    ...(leftOut === 0 ? [] : [`and ${leftOut} more jobs\n`]),
    ...report.notes.map((note) => `Note: ${note}\n`),
  ];
  return parts.join("\n");
}

function jobText(job: JobReport, now: Date): string {
  const lines = jobLines(job, now).map(({ label, text }) => `  ${label.padEnd(LABEL_WIDTH)}${text}\n`);
  const link = job.link === undefined ? "" : `  ${"manifest".padEnd(LABEL_WIDTH)}${job.link}\n`;
  return `${jobTitle(job)}\n${lines.join("")}${link}`;
}
