import { escapeHtml } from "../escape-html.ts";
import { isBad, type JobReport, type Report } from "../notify/report.ts";
import { bounded, jobLine, jobLines, jobTitle, type Line, subject, TEST_TEXT } from "./lines.ts";

const FULL_JOBS = 20;
const SHORT_JOBS = 200;

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif";
const CODE =
  "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;background:#f3f4f6;padding:1px 4px;border-radius:3px";

/** A report as a mail in HTML: styles inline and no picture, because mail programs take nothing else for granted. */
export function reportHtml(report: Report): string {
  const now = new Date(report.at);
  const { full, short, leftOut } = bounded(report.jobs, FULL_JOBS, SHORT_JOBS);
  const body = [
    `<h1 style="font-size:18px;margin:0 0 16px">${escapeHtml(subject(report))}</h1>`,
    ...(report.kind === "test" ? [`<p>${TEST_TEXT}</p>`] : []),
    ...full.map((job) => jobHtml(job, now)),
    ...(short.length === 0 ? [] : [`<ul>${short.map((job) => `<li>${escapeHtml(jobLine(job))}</li>`).join("")}</ul>`]),
    ...(leftOut === 0 ? [] : [`<p>and ${leftOut} more jobs</p>`]),
    ...report.notes.map((note) => `<p style="color:#92400e">Note: ${escapeHtml(note)}</p>`),
  ];
  return (
    `<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="color-scheme" content="light"></head>\n` +
    `<body style="${FONT};font-size:14px;color:#111827;background:#ffffff;margin:0;padding:16px">\n${body.join("\n")}\n</body>\n</html>\n`
  );
}

function jobHtml(job: JobReport, now: Date): string {
  const rows = jobLines(job, now).map(rowHtml).join("\n");
  const link = job.link === undefined ? "" : `\n${row("manifest", `<a href="${escapeHtml(job.link)}">open</a>`)}`;
  return (
    `<div style="border-left:4px solid ${isBad(job) ? "#b91c1c" : "#15803d"};padding:4px 0 4px 12px;margin:0 0 16px">\n` +
    `<h2 style="font-size:15px;margin:0 0 6px">${escapeHtml(jobTitle(job))}</h2>\n` +
    `<table role="presentation" style="border-collapse:collapse">\n${rows}${link}\n</table>\n</div>`
  );
}

function rowHtml({ label, text, code }: Line): string {
  return row(label, code === true ? `<code style="${CODE}">${escapeHtml(text)}</code>` : escapeHtml(text));
}

const row = (label: string, html: string): string =>
  `<tr><td style="color:#4b5563;padding:1px 12px 1px 0;vertical-align:top;white-space:nowrap">${label}</td><td style="padding:1px 0">${html}</td></tr>`;
