import { formatBytes, formatCount, formatDuration } from "../lib/format.ts";
import type { DayState } from "../lib/overview/days.ts";
import type { JobOverview, Overview } from "../lib/overview/overview.ts";
import { isWhole } from "../lib/overview/run-summary.ts";
import { stateWords } from "../lib/overview/state-words.ts";
import { type StoredDay, storedChange } from "../lib/overview/stored-days.ts";
import { printable } from "../lib/printable.ts";
import type { Output, Style } from "./output.ts";
import { table } from "./table.ts";

const DAYS = 14;

/** A letter a day, so that it reads without colours as well. */
const marks: Readonly<Record<DayState, { readonly mark: string; readonly style?: Style }>> = {
  proved: { mark: "P", style: "green" },
  good: { mark: "g", style: "green" },
  narrowed: { mark: "n" },
  unverified: { mark: "u", style: "yellow" },
  partial: { mark: "p", style: "yellow" },
  failed: { mark: "F", style: "red" },
  missed: { mark: "M", style: "red" },
  running: { mark: "r" },
  none: { mark: "." },
};

/** The overview on a terminal: a row a job with its last two weeks, and what is not well below. */
export function overviewText({ jobs, bytes, snapshots, storedDays, at }: Overview, { paint, width }: Output): string {
  if (jobs.length === 0) return "no jobs\n";
  const columns = [
    { title: "job", shrink: true },
    { title: "" },
    { title: `last ${DAYS} days` },
    { title: "age" },
    { title: "deadline" },
    { title: "next run" },
    { title: "size", align: "right" as const },
    { title: "took", align: "right" as const },
    { title: "stored", align: "right" as const },
    { title: "change", align: "right" as const },
  ];
  const rows = jobs.map((one) => [
    one.job,
    { text: one.ok ? "ok" : "NOT OK", paint: (text: string) => paint(one.ok ? "green" : "red", text) },
    {
      text: one.days
        .slice(-DAYS)
        .map(({ state }) => marks[state].mark)
        .join(""),
      paint: paintDays(paint),
    },
    spanText(one.age),
    spanText(one.deadline),
    one.nextRun === null ? "-" : `in ${formatDuration(Date.parse(one.nextRun) - Date.parse(at))}`,
    figure(newest(one)?.bytes, formatBytes),
    figure(newest(one)?.durationMs, formatDuration),
    formatBytes(one.bytes),
    changeText(one.storedDays),
  ]);
  const problems = jobs.flatMap((one) => one.problems.map(({ code, message }) => line(one, `${code}: ${message}`)));
  const failing = jobs.flatMap((one) =>
    one.failingUnits.map(({ unit, failures, code }) =>
      line(one, `${unit} failed ${formatCount(failures, "time")}, last with ${code}`),
    ),
  );
  const total = `${formatCount(snapshots, "snapshot")} of ${formatCount(jobs.length, "job")}, ${formatBytes(bytes)} stored${sinceText(storedDays)}\n`;
  return [
    table(columns, rows, width),
    legend(jobs),
    section(paint("red", "problems:"), problems),
    section("units that fail most:", failing),
    total,
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** Only of what is to be seen. */
function legend(jobs: readonly JobOverview[]): string {
  const seen = new Set(jobs.flatMap(({ days }) => days.slice(-DAYS).map(({ state }) => state)));
  const known = Object.entries(marks).filter(([state]) => seen.has(state as DayState));
  return `${known.map(([state, { mark }]) => `${mark} ${stateWords[state as DayState]}`).join(", ")}\n`;
}

function paintDays(paint: Output["paint"]): (text: string) => string {
  const styles = new Map(Object.values(marks).map(({ mark, style }) => [mark, style]));
  return (text) =>
    [...text]
      .map((mark) => {
        const style = styles.get(mark);
        return style === undefined ? mark : paint(style, mark);
      })
      .join("");
}

function changeText(days: readonly StoredDay[]): string {
  const { bytes } = storedChange(days, DAYS) ?? {};
  if (bytes === undefined) return "-";
  return `${bytes > 0 ? "+" : bytes < 0 ? "-" : ""}${formatBytes(Math.abs(bytes))}`;
}

/** Of all jobs, as far back as the page shows it. */
function sinceText(days: readonly StoredDay[]): string {
  const change = storedChange(days, days.length);
  if (change === undefined) return "";
  const { since, bytes } = change;
  return bytes === 0
    ? `, as on ${since}`
    : `, ${formatBytes(Math.abs(bytes))} ${bytes > 0 ? "more" : "less"} than on ${since}`;
}

const newest = ({ runs }: JobOverview) => runs.find(isWhole);
const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? "" : `${title}\n${lines.join("")}`;
const line = ({ job }: JobOverview, text: string): string => `  ${printable(`${job}: ${text}`)}\n`;
const spanText = (seconds: number | null): string => (seconds === null ? "-" : formatDuration(seconds * 1000));
const figure = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? "-" : format(value);
