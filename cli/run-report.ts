import { formatCount } from "../lib/format.ts";
import type { ManifestUnit } from "../lib/manifest.ts";
import type { MetricsDelivery } from "../lib/measures/publish-metrics.ts";
import type { Delivery } from "../lib/notify/tell.ts";
import { printable } from "../lib/printable.ts";
import type { JobResult, RunResult } from "../lib/run.ts";
import { shellWord } from "../lib/shell-word.ts";
import type { Paint } from "./output.ts";
import { narrowingText, statusPaint, unitTable } from "./unit-table.ts";

export interface RunReportInput {
  readonly result: RunResult;
  readonly deliveries: readonly Delivery[];
  readonly metrics: readonly MetricsDelivery[];
  /** Units that ended, for jobs that have no manifest. */
  readonly seen: ReadonlyMap<string, readonly ManifestUnit[]>;
  /** What the run was narrowed to. */
  readonly only?: readonly string[] | undefined;
  /** Where a job's snapshot lies. */
  readonly place: (job: string, snapshot: string) => string;
  /** The program and the configuration's path, as they are typed. */
  readonly program: string;
  readonly configFile: string;
  readonly paint: Paint;
  readonly width: number | undefined;
}

const MAX_WARNINGS = 10;

/** What a run ends with: a table a job, where its snapshot lies, what failed, and what to type next. */
export function runReport(input: RunReportInput): string {
  const jobs = input.result.jobs.map((job) => jobReport(job, input));
  return [...jobs, failures(input), warnings(input), untold(input), unmeasured(input), nextCommands(input)]
    .filter((part) => part !== "")
    .join("\n");
}

function jobReport(result: JobResult, { seen, only, place, paint, width }: RunReportInput): string {
  const { manifest, verification, snapshot } = result;
  const status = statusPaint(result.status, paint)(result.status);
  const head = `${paint("bold", printable(result.job))}  ${status}${result.resumed === undefined ? "" : ", resumed"}${narrowingText(only)}\n`;
  const units = manifest?.units ?? seen.get(result.job) ?? [];
  const body = units.length === 0 ? "" : `\n${unitTable(units, verification, { paint, width })}`;
  if (result.skippedBecause !== undefined) return `${head}not begun: ${result.skippedBecause}\n`;
  if (snapshot === undefined) return head + body;
  const where = printable(place(result.job, snapshot));
  const lies =
    manifest === undefined
      ? `\nno snapshot; what was collected lies in ${where}\n`
      : `\nsnapshot ${snapshot} lies in ${where}\n`;
  return head + body + lies + resumedText(result);
}

function resumedText({ resumed }: JobResult): string {
  if (resumed === undefined) return "";
  const { at, kept } = resumed;
  return `it was taken up again at ${at.join(", ")}; ${formatCount(kept, "unit")} had ended before and ${kept === 1 ? "was" : "were"} kept\n`;
}

function failures({ result, seen, paint }: RunReportInput): string {
  const lines = result.jobs.flatMap((job) => {
    const units = job.manifest?.units ?? seen.get(job.job) ?? [];
    const ofUnits = units
      .filter(({ status }) => status === "failed")
      .map((unit) => ({ about: `${job.job} ${unit.id}`, error: unit.error }));
    const ofArtifacts = (job.verification?.artifacts ?? []).map(({ path, error }) => ({
      about: `${job.job} ${path}`,
      error,
    }));
    const ofSnapshot = (job.verification?.faults ?? []).map((error) => ({ about: job.job, error }));
    const told = [...ofUnits, ...ofSnapshot, ...ofArtifacts].filter(({ error }) => error !== undefined);
    const isTold = told.some(({ error }) => error?.message === job.error?.message);
    return job.error === undefined || isTold ? told : [{ about: job.job, error: job.error }, ...told];
  });
  const text = lines.map(({ about, error }) => `  ${printable(`${about}: ${error?.code}: ${error?.message}`)}\n`);
  return text.length === 0 ? "" : `${paint("red", "failures:")}\n${text.join("")}`;
}

function warnings({ result, paint }: RunReportInput): string {
  const found = result.jobs.flatMap(({ job, prune }) =>
    (prune?.problems ?? []).map(({ code, message }) => `${job}: ${code}: ${message}`),
  );
  const ofRuns = result.jobs.flatMap(({ job, manifest }) =>
    (manifest?.warnings ?? []).map(
      ({ code, message, unit }) => `${job}${unit === undefined ? "" : ` ${unit}`}: ${code}: ${message}`,
    ),
  );
  const all = [...found, ...ofRuns];
  if (all.length === 0) return "";
  const lines = all.slice(0, MAX_WARNINGS).map((line) => `  ${printable(line)}\n`);
  if (all.length > MAX_WARNINGS) lines.push(`  … ${all.length - MAX_WARNINGS} more in the manifest\n`);
  return `${paint("yellow", "warnings:")}\n${lines.join("")}`;
}

/** Only who could not be told: the others know. */
function untold({ deliveries, paint }: RunReportInput): string {
  const lines = deliveries
    .filter(({ ok }) => !ok)
    .map(({ notifier, error }) => `  ${printable(`${notifier}: ${error?.code}: ${error?.message}`)}\n`);
  const stoodIn = [
    ...new Set(deliveries.flatMap(({ ok, insteadOf, notifier }) => (ok && insteadOf ? [notifier] : []))),
  ];
  if (stoodIn.length > 0) lines.push(`  told in their place: ${printable(stoodIn.join(", "))}\n`);
  return lines.length === 0 ? "" : `${paint("yellow", "could not be told:")}\n${lines.join("")}`;
}

function unmeasured({ metrics, paint }: RunReportInput): string {
  const lines = metrics
    .filter(({ ok }) => !ok)
    .map(({ output, error }) => `  ${printable(`${output}: ${error?.code}: ${error?.message}`)}\n`);
  return lines.length === 0 ? "" : `${paint("yellow", "metrics could not be given to:")}\n${lines.join("")}`;
}

/** For what was ended before its time, and of the first job that has a snapshot. */
function nextCommands({ result, only = [], program, configFile }: RunReportInput): string {
  const config = `--config ${shellWord(configFile)}`;
  const units = only.map((unit) => ` --unit ${shellWord(unit)}`).join("");
  const commands = result.jobs
    .filter(isUnfinished)
    .map(({ job }) => `${program} run ${config} --job ${shellWord(job)}${units} --resume`);
  const stored = result.jobs.find(({ manifest }) => manifest !== undefined && manifest.totals.artifacts > 0)?.job;
  if (stored !== undefined) {
    commands.push(
      `${program} list ${config}`,
      `${program} restore ${config} --job ${shellWord(stored)} --to ./restored`,
    );
  }
  return commands.length === 0 ? "" : `next:\n${commands.map((command) => `  ${command}\n`).join("")}`;
}

/** One that another process took over is that one's to finish. */
function isUnfinished({ snapshot, manifest, error }: JobResult): boolean {
  return snapshot !== undefined && manifest === undefined && error?.code !== "LEASE_LOST";
}
