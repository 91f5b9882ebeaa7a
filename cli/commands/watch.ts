import { formatDuration } from "../../lib/format.ts";
import { printable } from "../../lib/printable.ts";
import { type WatchResult, watch } from "../../lib/watch/watch.ts";
import type { WatchedJob } from "../../lib/watch/watch-job.ts";
import type { Command } from "../command.ts";
import type { Output } from "../output.ts";
import { chosenJobs, withBackup } from "../session.ts";
import { table } from "../table.ts";

/** The next one comes within the hour mostly, and by then this one is to have told what it found. */
const WITHIN_MS = 15 * 60_000;

export const watchCommand: Command = async (context) => {
  const { options, output } = context;
  return withBackup(context, { sources: false, notifiers: !options.dryRun }, async (backup) => {
    const jobs = chosenJobs(backup.config, options.jobs);
    const result = await watch(backup, jobs, { dryRun: options.dryRun, withinMs: WITHIN_MS });
    output.result({ text: watchText(result, output), json: result.jobs });
    context.signal.throwIfAborted();
    return result.jobs.every(({ ok }) => ok) ? 0 : 1;
  });
};

function watchText({ jobs, deliveries }: WatchResult, { paint, width }: Output): string {
  const columns = [
    { title: "job", shrink: true },
    { title: "" },
    { title: "newest that counts" },
    { title: "age" },
    { title: "deadline" },
  ];
  const rows = jobs.map((one) => [
    one.job,
    { text: one.ok ? "ok" : "NOT OK", paint: (text: string) => paint(one.ok ? "green" : "red", text) },
    one.snapshot ?? "-",
    spanText(one.age),
    spanText(one.deadline),
  ]);
  const problems = jobs.flatMap((one) => one.problems.map(({ code, message }) => lineOf(one, `${code}: ${message}`)));
  const notices = jobs.flatMap((one) => one.notices.map((notice) => lineOf(one, notice)));
  const told = deliveries.map(
    ({ notifier, ok, error }) => `  ${notifier}: ${ok ? "told" : `${error?.code}: ${error?.message}`}\n`,
  );
  const parts = [
    table(columns, rows, width),
    problems.length === 0 ? "" : `${paint("red", "problems:")}\n${problems.join("")}`,
    notices.length === 0 ? "" : `${paint("yellow", "notices:")}\n${notices.join("")}`,
    told.length === 0 ? "" : `told:\n${told.map(printableLine).join("")}`,
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const lineOf = ({ job }: WatchedJob, text: string): string => `  ${printable(`${job}: ${text}`)}\n`;
const printableLine = (line: string): string => `${printable(line.trimEnd())}\n`;
const spanText = (seconds: number | null): string => (seconds === null ? "-" : formatDuration(seconds * 1000));
