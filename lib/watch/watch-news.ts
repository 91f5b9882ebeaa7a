import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { lastGood } from "../job-history.ts";
import { snapshotTime } from "../keys.ts";
import { location } from "../location.ts";
import { commandLine, reportKey } from "../notify/job-report.ts";
import type { JobReport, LastGood, ReportEvent } from "../notify/report.ts";
import type { Tellable } from "../notify/tell.ts";
import { REMOVED, type Told } from "../notify/told.ts";
import { namesAnother } from "../notify/told-problems.ts";
import { shellWord } from "../shell-word.ts";
import type { WatchedJob } from "./watch-job.ts";

/** A job as the watch found it. */
export interface Watched {
  readonly job: Job;
  readonly watched: WatchedJob;
  readonly told: Told;
  /** What of it the storage says. */
  readonly stored?: Told | undefined;
  /** Since the last watch the job has another schedule or deadline: which, in words. */
  readonly changed?: string | undefined;
  /** `job` only stands for all that lies in its storage, and nothing is kept of it there. */
  readonly isStorage?: true;
}

const FOUND_IN_STORAGE: ReadonlySet<string> = new Set([
  "JOB_LATE",
  "JOB_NOT_PROVED",
  "JOB_NOT_STARTED",
  "JOB_STUCK",
  "INTEGRITY_MANIFEST",
  "SNAPSHOT_LOST",
  "SEALED",
  "VERSION_UNKNOWN",
]);

/** False where the storage could not be asked, so that nothing is known. */
export const wasRead = ({ problems }: WatchedJob): boolean => problems.every(({ code }) => FOUND_IN_STORAGE.has(code));

/** What is to be remembered as told: the codes of what is wrong. */
export function problemsOf({ problems, removed }: WatchedJob): readonly string[] {
  return removed === true ? [REMOVED] : [...new Set(problems.map(({ code }) => code))];
}

export function newsOf(backup: Backup, one: Watched): readonly Tellable[] {
  const { job, watched, told, changed } = one;
  const problems = problemsOf(watched);
  const before = told.missed?.problems ?? [];
  const isNew =
    problems.some((problem) => !before.includes(problem) && !isSameIncident(problem, before)) ||
    namesAnother(watched.problems, told.missed);
  const isOver = problems.length === 0 && before.length > 0 && !isFailing(one);
  const events: readonly ReportEvent[] = [
    ...(isNew ? ["missed" as const] : isOver ? ["recovered" as const] : []),
    ...(changed === undefined ? [] : ["changed" as const]),
  ];
  const report = watchReport(backup, one);
  const allClear = told.allClear?.notifiers;
  if (events.length === 0) {
    const to = problems.length === 0 ? stillOwed(one) : told.missed?.unreached?.notifiers;
    const again = { ...report, events: [problems.length === 0 ? ("recovered" as const) : ("missed" as const)] };
    return to === undefined ? [] : [{ report: again, notify: job.notify, to, allClear, passed: () => [] }];
  }
  // What is wrong was told already, if this is only about a change.
  const summary = changed === undefined ? report.summary : isNew ? `${report.summary}; ${changed}` : changed;
  return [{ report: { ...report, events, summary }, notify: job.notify, allClear, passed: () => [] }];
}

/** Its runs were told as not good, and no good snapshot came since: it is for the next good run to say that all is well. */
const isFailing = ({ told: { failing }, watched: { snapshot } }: Watched): boolean =>
  failing !== null && (snapshotTime(snapshot ?? "")?.toISOString() ?? "") < failing.since;

/** To whom a watch sent the all-clear in vain. The first one is for what was told to end: a threshold ends with a run. */
const stillOwed = (one: Watched): readonly string[] | undefined =>
  isFailing(one) || one.told.allClear?.tries === 0 ? undefined : one.told.allClear?.notifiers;

/** A job of which no run was started becomes late, and who was told of the one knows the other. */
const isSameIncident = (problem: string, before: readonly string[]): boolean =>
  problem === "JOB_LATE" && before.includes("JOB_NOT_STARTED");

function watchReport({ config, now }: Backup, { job, watched, told, isStorage }: Watched): Omit<JobReport, "events"> {
  const { problems, notices, snapshot, removed } = watched;
  const bad = problems.length > 0 || removed === true;
  const [first, ...more] = problems;
  return {
    job: job.name,
    service: job.service,
    key: reportKey(config, job),
    status: problems.length > 0 ? "late" : "ok",
    summary:
      first === undefined
        ? bad
          ? (notices[0] ?? "")
          : isStorage
            ? "it can be looked through again"
            : `${snapshot ?? "nothing"} is good`
        : `${first.code}: ${first.message}`,
    location: location(config, job),
    errors: more.map(({ code, message }) => ({ code, message })),
    moreErrors: 0,
    thresholds: [],
    ...(bad ? { since: sinceWhen(watched, told, now()) } : {}),
    badRuns: 0,
    lastGood: lastGoodOf(watched, now()),
    next: isStorage ? validateLine(config) : nextCommand(config, job.name, watched),
  };
}

/** A job is late since it was due, however much later that was found. */
function sinceWhen({ lateSince }: WatchedJob, { missed }: Told, now: Date): string {
  const due = lateSince === null ? now : new Date(lateSince);
  const known = missed === null ? now : new Date(missed.since);
  return new Date(Math.min(due.getTime(), known.getTime())).toISOString();
}

function lastGoodOf(watched: WatchedJob, now: Date): LastGood {
  if (watched.snapshot !== null) return lastGood(watched.snapshot, now);
  return wasRead(watched) ? "none" : "unknown";
}

const validateLine = ({ file }: Backup["config"]): string => `core-backup validate --config ${shellWord(file)}`;

function nextCommand(config: Backup["config"], job: string, { problems, removed }: WatchedJob): string {
  if (removed === true) return validateLine(config);
  const codes = problems.map(({ code }) => code);
  if (codes.some((code) => ["INTEGRITY_MANIFEST", "SNAPSHOT_LOST"].includes(code)))
    return commandLine(config, "verify", job, ["--snapshot", "all"]);
  // No run mends that, nor is one to be made before it is: what was made with the other key would not be known to it.
  if (codes.some((code) => ["SEALED", "VERSION_UNKNOWN"].includes(code))) return commandLine(config, "list", job);
  if (codes.includes("JOB_NOT_PROVED")) return commandLine(config, "verify", job, ["--prove"]);
  if (codes.some((code) => ["JOB_LATE", "JOB_NOT_STARTED", "JOB_STUCK"].includes(code)))
    return commandLine(config, "run", job);
  return commandLine(config, problems.length === 0 ? "list" : "plan", job);
}
