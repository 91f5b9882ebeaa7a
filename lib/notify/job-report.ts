import { createHash } from "node:crypto";
import type { Config, Job } from "../config/schema.ts";
import type { ErrorRecord } from "../errors.ts";
import { formatBytes, formatCount, formatDuration, formatMinute } from "../format.ts";
import type { JobHistory } from "../job-history.ts";
import { manifestKey } from "../keys.ts";
import { location } from "../location.ts";
import type { Manifest } from "../manifest.ts";
import { printable } from "../printable.ts";
import { shellWord } from "../shell-word.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";
import type { Problem } from "../watch/watch-job.ts";
import { isFoundNew, missedWith } from "./prune-found.ts";
import type { JobReport, ReportEvent, ToldError } from "./report.ts";
import type { Told } from "./told.ts";
import { isLasting } from "./told-problems.ts";

/** How a run of a job ended: what travels from the run to whoever tells. */
export interface RunOutcome {
  readonly job: string;
  readonly status: "ok" | "partial" | "failed" | "interrupted" | "refused";
  /** Absent for a run that never began. */
  readonly snapshot?: string | undefined;
  readonly error?: ErrorRecord | undefined;
  /** What it is known by, where it may be told again: it counts once. */
  readonly run?: string | undefined;
  /** For a job that was not begun because another one failed. */
  readonly skippedBecause?: string | undefined;
  /** What its prune found, of all snapshots of the job; absent where it was not come to. */
  readonly prune?: { readonly problems: readonly Problem[] } | undefined;
}

/** One that had its turn: `refused` means that another process works on the job. */
export type EndedRun = RunOutcome & { readonly status: Exclude<RunOutcome["status"], "refused"> };

export interface JobReportInput {
  readonly config: Config;
  readonly job: Job;
  readonly outcome: EndedRun;
  /** Undefined when the storage could not be read. */
  readonly history: JobHistory | undefined;
  readonly told: Pick<Told, "failing" | "missed">;
  readonly now: Date;
}

const MAX_ERRORS = 8;
const MAX_MESSAGE = 500;
const MAX_NARROWING = 100;
const SET_UP: ReadonlySet<string> = new Set(["CONFIG_INVALID", "SECRET_MISSING"]);

/** What there is to tell of a run that ended, whoever is told. Thresholds are each notifier's own. Pure. */
export function jobReport(input: JobReportInput): JobReport {
  const { config, job, outcome, history, told, now } = input;
  const { snapshot, status } = outcome;
  const manifest = history?.current?.manifest;
  const bad = status !== "ok";
  const narrowed = manifest?.only !== undefined;
  const missed = missedWith(told.missed, outcome.prune?.problems, { clears: !bad && !narrowed, now });
  const found = outcome.prune?.problems ?? [];
  const news = isFoundNew(found, told.missed) ? found : [];
  const errors = [...errorsOf(outcome, history?.current), ...news.map(toldError)];
  const standing = bad ? [] : standingOf({ failing: told.failing, missed }, narrowed);
  const events = eventsOf(status, told, { missed, leavesOpen: narrowed || standing.length > 0 });
  return {
    job: job.name,
    service: job.service,
    key: reportKey(config, job),
    events: news.length > 0 ? ["missed", ...events] : events,
    ...(standing.length === 0 ? {} : { standing }),
    ...(manifest?.only === undefined ? {} : { only: manifest.only }),
    status,
    summary: [summaryOf(outcome, manifest, history?.current), ...news.slice(0, 1).map(problemText)].join("; "),
    ...(snapshot === undefined ? {} : { snapshot, location: placeOf(config, job, snapshot, manifest) }),
    ...(manifest === undefined || snapshot === undefined ? {} : { manifestKey: manifestKey(job.name, snapshot) }),
    errors: errors.slice(0, MAX_ERRORS),
    moreErrors: Math.max(0, errors.length - MAX_ERRORS),
    thresholds: [],
    ...(bad ? { since: told.failing?.since ?? (history?.badSince ?? now).toISOString() } : {}),
    badRuns: bad ? (told.failing?.runs ?? 0) + (isCounted(told, outcome) ? 0 : 1) : 0,
    lastGood: history?.lastGood ?? "unknown",
    ...(manifest === undefined
      ? {}
      : { durationMs: manifest.durationMs, bytes: manifest.totals.bytes, units: manifest.totals.units }),
    next:
      news.length > 0 && !bad
        ? commandLine(config, "verify", job.name, ["--snapshot", "all"])
        : nextCommand(config, outcome, manifest),
  };
}

/** What is remembered once it was told. `found` of its prune is undefined where nobody could be told of it. */
export function toldAfter(
  report: JobReport,
  {
    run,
    found,
    now,
  }: { readonly run?: string | undefined; readonly found: readonly Problem[] | undefined; readonly now: Date },
  told: Told,
): Told {
  const clears = report.since === undefined && report.only === undefined;
  const missed = missedWith(told.missed, found, { clears, now });
  if (report.since !== undefined) {
    const failing = { since: report.since, runs: report.badRuns, ...(run === undefined ? {} : { run }) };
    return { ...told, failing, missed };
  }
  // Of what else the job has, a narrowed run knows nothing.
  if (!clears) return { ...told, missed };
  const lasting = lastingProblems({ missed });
  return {
    ...told,
    failing: null,
    missed: missed === null || lasting.length === 0 ? null : { ...missed, problems: [...lasting] },
  };
}

/** The same for a job in a storage, whatever else is changed: what an incident is known by. */
export function reportKey(config: Config, job: Job): string {
  const digest = createHash("sha256").update(location(config, job)).digest("hex").slice(0, 16);
  return `core-backup/${job.name.slice(0, 120)}/${digest}`;
}

/** One line, and not longer than a message can show. */
export function told(text: string, max = MAX_MESSAGE): string {
  const line = printable(text.replace(/\s*[\r\n]+\s*/g, " · "));
  const characters = [...line];
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join("")}…`;
}

/** A command of this program about a job, to be typed as it stands. */
export function commandLine(
  config: Pick<Config, "file">,
  command: string,
  job: string,
  more: readonly string[] = [],
): string {
  return ["core-backup", command, "--config", shellWord(config.file), "--job", shellWord(job), ...more].join(" ");
}

const isCounted = ({ failing }: JobReportInput["told"], { run }: RunOutcome): boolean =>
  run !== undefined && failing?.run === run;

const lastingProblems = ({ missed }: Pick<Told, "missed">): readonly string[] =>
  missed?.problems.filter(isLasting) ?? [];

/** What a good run leaves as it was told: what no run mends, and for a narrowed one, all of it. */
function standingOf(before: JobReportInput["told"], isNarrowed: boolean): readonly string[] {
  const { failing, missed } = before;
  const problems = isNarrowed ? (missed?.problems ?? []) : lastingProblems(before);
  return [
    ...(isNarrowed && failing !== null ? [`runs of the whole job are not good since ${minuteOf(failing.since)}`] : []),
    ...problems.map((problem) => `${problem}${missed === null ? "" : ` since ${minuteOf(missed.since)}`}`),
  ];
}

const minuteOf = (instant: string): string => formatMinute(new Date(instant));

/** `missed` is what its prune leaves of what was told. `leavesOpen`: it was narrowed, or something that was told is not ended by it. */
function eventsOf(
  status: RunOutcome["status"],
  before: JobReportInput["told"],
  { missed, leavesOpen }: { readonly missed: Told["missed"]; readonly leavesOpen: boolean },
): readonly ReportEvent[] {
  if (status === "partial") return ["partial"];
  if (status !== "ok") return ["failure"];
  const lasting = lastingProblems({ missed });
  const cured = before.missed?.problems.some((problem) => !lasting.includes(problem)) ?? false;
  return leavesOpen || (before.failing === null && !cured) ? ["success"] : ["recovered", "success"];
}

function summaryOf(outcome: RunOutcome, manifest: Manifest | undefined, entry: SnapshotEntry | undefined): string {
  if (outcome.skippedBecause !== undefined) return told(`not begun: ${outcome.skippedBecause}`);
  if (manifest !== undefined && manifest.totals.failed > 0) {
    return `${manifest.totals.failed} of ${formatCount(manifest.totals.units, "unit")} failed${narrowing(manifest)}`;
  }
  if (outcome.error !== undefined) {
    const unverified = entry?.verification?.ok === false ? "what was stored did not pass verification: " : "";
    return told(`${unverified}${outcome.error.code}: ${outcome.error.message}`);
  }
  if (manifest === undefined) return outcome.status === "ok" ? "everything is stored" : "no snapshot came to exist";
  const { totals, durationMs, warnings } = manifest;
  const warned = warnings.length === 0 ? "" : `, ${formatCount(warnings.length, "warning")}`;
  return `${formatCount(totals.units, "unit")}, ${formatBytes(totals.bytes)} in ${formatDuration(durationMs)}${warned}${narrowing(manifest)}`;
}

/** So that nobody takes it for the whole job. */
function narrowing({ only }: Manifest): string {
  return only === undefined ? "" : told(`; narrowed to ${only.join(", ")}`, MAX_NARROWING);
}

function errorsOf(outcome: RunOutcome, entry: SnapshotEntry | undefined): readonly ToldError[] {
  const ofUnits = (entry?.manifest?.units ?? []).flatMap(({ id, status, error }) =>
    status === "failed" && error !== undefined ? [{ ...toldError(error), unit: told(id, 200) }] : [],
  );
  const verification = entry?.verification;
  const ofArtifacts = (verification?.artifacts ?? []).flatMap(({ path, error }) =>
    error === undefined ? [] : [{ ...toldError(error), unit: told(path, 200) }],
  );
  const all = [...ofUnits, ...(verification?.faults ?? []).map(toldError), ...ofArtifacts];
  const own = outcome.error === undefined ? undefined : toldError(outcome.error);
  return own === undefined || all.some(({ message }) => message === own.message) ? all : [own, ...all];
}

const toldError = ({ code, message }: Pick<ErrorRecord, "code" | "message">): ToldError => ({
  code,
  message: told(message),
});

const problemText = ({ code, message }: Problem): string => told(`${code}: ${message}`);

function placeOf(config: Config, job: Job, snapshot: string, manifest: Manifest | undefined): string {
  return told(`${location(config, job, snapshot)}${manifest === undefined ? "" : "manifest.json"}`);
}

function nextCommand(config: Config, outcome: RunOutcome, manifest: Manifest | undefined): string {
  const { job, snapshot, status, error } = outcome;
  if (status === "ok") return commandLine(config, "list", job);
  if (error?.code === "REFUSED") return commandLine(config, "prune", job, ["--dry-run"]);
  if (error !== undefined && SET_UP.has(error.code)) return commandLine(config, "plan", job);
  if (status === "interrupted" || outcome.skippedBecause !== undefined) return commandLine(config, "run", job);
  if (manifest === undefined || snapshot === undefined) return commandLine(config, "plan", job);
  const command = error !== undefined && manifest.status === "ok" ? "verify" : "show";
  return commandLine(config, command, job, ["--snapshot", snapshot]);
}
