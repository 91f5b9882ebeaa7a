import { isBad, type JobReport, type Report, verdict } from "../notify/report.ts";
import { bounded, jobLine, jobLines, type Line, subject, TEST_TEXT } from "./lines.ts";

/** https://docs.slack.dev/reference/block-kit/blocks: a longer message is refused as a whole. */
const MAX_HEADER = 150;
const MAX_SECTION = 3000;
const FULL_JOBS = 20;
const SHORT_JOBS = 60;
/** Of `text`, which notifications show. */
const MAX_TEXT = 3000;

export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

type SlackBlock =
  | {
      readonly type: "header";
      readonly text: { readonly type: "plain_text"; readonly text: string; readonly emoji: false };
    }
  | { readonly type: "section"; readonly text: Markdown }
  | { readonly type: "context"; readonly elements: readonly Markdown[] }
  | { readonly type: "divider" };

interface Markdown {
  readonly type: "mrkdwn";
  readonly text: string;
  /** Names such as #general in an error are no channels. */
  readonly verbatim: true;
}

/** A report as Slack shows it: a heading, a section for each job, and what is left in a line each. */
export function slackMessage(report: Report): SlackMessage {
  const now = new Date(report.at);
  const { full, short, leftOut } = bounded(report.jobs, FULL_JOBS, SHORT_JOBS);
  const also = [
    ...short.map((job) => `• ${slackText(jobLine(job))}`),
    ...(leftOut === 0 ? [] : [`and ${leftOut} more jobs`]),
  ];
  const blocks: SlackBlock[] = [
    { type: "header", text: { type: "plain_text", text: clip(subject(report), MAX_HEADER), emoji: false } },
    ...(report.kind === "test" ? [section(TEST_TEXT)] : []),
    ...full.map((job) => section(jobSection(job, now))),
    ...(also.length === 0 ? [] : [{ type: "divider" } as const, section(wholeLines(also))]),
    ...report.notes.slice(0, 10).map((note) => section(`:warning: ${slackText(note)}`)),
  ];
  return { text: slackText(clip(subject(report), MAX_TEXT)), blocks };
}

function jobSection(job: JobReport, now: Date): string {
  const lines = jobLines(job, now).map(lineText);
  if (job.link !== undefined) lines.push(`manifest: <${slackText(job.link).replaceAll("|", "%7C")}|open>`);
  const [next, ...others] = lines.filter((line) => line.startsWith("next:"));
  const rest = lines.filter((line) => !line.startsWith("next:"));
  // What to type next is the one line that must not be cut off.
  const tail = [next, ...others].filter((line) => line !== undefined).join("\n");
  const head = wholeLines(
    [`${emoji(job)} *${strong(job.job)}* ${verdict(job).one}`, ...rest],
    MAX_SECTION - tail.length - 1,
  );
  return clip(`${head}\n${tail}`, MAX_SECTION);
}

const lineText = ({ label, text, code }: Line): string =>
  code === true ? `${label}: \`${slackText(text.replaceAll("`", "'"))}\`` : `${label}: ${slackText(text)}`;

function emoji(job: JobReport): string {
  const { events, status } = job;
  if (status === "ok" && events.every((event) => event === "changed")) return ":information_source:";
  if (status === "ok" && isBad(job)) return ":red_circle:";
  if (status === "ok") return events.includes("threshold") ? ":warning:" : ":large_green_circle:";
  return status === "partial" ? ":large_orange_circle:" : ":red_circle:";
}

/** As many lines as there is room for; the others are counted. */
function wholeLines(lines: readonly string[], room = MAX_SECTION): string {
  const taken: string[] = [];
  let used = 0;
  for (const [index, line] of lines.entries()) {
    const more = `… ${lines.length - index} more lines`;
    const isLast = index === lines.length - 1;
    if (used + line.length + (isLast ? 0 : more.length + 2) > room) {
      taken.push(more);
      break;
    }
    taken.push(line);
    used += line.length + 1;
  }
  return taken.join("\n");
}

const section = (text: string): SlackBlock => ({ type: "section", text: { type: "mrkdwn", text, verbatim: true } });

/** The three characters that Slack reads: so no name can mention a channel. https://docs.slack.dev/messaging/formatting-message-text */
const slackText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const strong = (text: string): string => slackText(text.replaceAll("*", "∗"));

function clip(text: string, max: number): string {
  const characters = [...text];
  if (text.length <= max) return text;
  let cut = characters.slice(0, max - 1);
  while (cut.join("").length > max - 1) cut = cut.slice(0, -1);
  return `${cut.join("")}…`;
}
