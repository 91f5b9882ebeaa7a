import type { Job } from "../config/schema.ts";
import type { ErrorRecord } from "../errors.ts";
import { formatDuration, formatMinute } from "../format.ts";
import { snapshotTime } from "../keys.ts";
import type { ChainFault } from "../manifest-chain.ts";
import { type DueJob, dueAt } from "../scheduling/due.ts";
import type { JobSurvey } from "../survey-job.ts";

/** What is wrong with a job as it is seen from outside, by the codes of docs/errors.md. */
export interface Problem extends Pick<ErrorRecord, "code" | "message"> {
  /** Those that it is about; absent for what is about none. */
  readonly snapshots?: readonly string[];
}

export interface WatchedJob {
  readonly job: string;
  readonly storage: string;
  readonly ok: boolean;
  /** Of the newest snapshot that counts, in seconds; null where there is none. */
  readonly age: number | null;
  /** The most that the age may be just now, in seconds; null for a job without schedule and deadline. */
  readonly deadline: number | null;
  /** By how many seconds the job is late; null for one that is not. */
  readonly lateBy: number | null;
  /** When it was due, in ISO 8601; null for one that is not late. */
  readonly lateSince: string | null;
  /** The newest snapshot that counts: good, and proved where the job proves. */
  readonly snapshot: string | null;
  readonly problems: readonly Problem[];
  /** What is worth knowing, and no problem. */
  readonly notices: readonly string[];
  /** True for a job that the configuration does not have any more. */
  readonly removed?: true;
}

const MAX_FAULTS = 5;
/** The newest of them, so that what tells of them stays a small document, and another one shows. */
const MAX_NAMED = 1000;

/** Judges what the storage says of a job. `firstSeen`: since when the watch knows of it. Pure. */
export function judgeJob(
  job: DueJob & Pick<Job, "name" | "target_storage" | "verify">,
  survey: JobSurvey,
  { firstSeen, now }: { readonly firstSeen: Date; readonly now: Date },
): WatchedJob {
  const counts = job.verify.prove === false ? survey.newestGood : survey.newestProved;
  const since = timeOf(counts) ?? timeOf(survey.first) ?? firstSeen;
  const due = dueAt(job, since);
  const isLate = due !== undefined && due < now;
  const problems: Problem[] = [];
  if (isLate) problems.push(lateness(survey, counts, due, now));
  const { unfinished, faults, lost } = survey;
  if (!isLate) problems.push(...notStarted(job, survey, { firstSeen, now }));
  if (unfinished?.state === "stuck") {
    const message = `run ${unfinished.snapshot} has no manifest, and nobody is at work on it: its process was ended from outside`;
    problems.push({ code: "JOB_STUCK", message, snapshots: [unfinished.snapshot] });
  }
  problems.push(...problemsOfChain(lost, faults), ...unreadProblems(survey));
  return {
    job: job.name,
    storage: job.target_storage,
    ok: problems.length === 0,
    age: counts === undefined ? null : seconds(now.getTime() - since.getTime()),
    deadline: due === undefined ? null : seconds(due.getTime() - since.getTime()),
    lateBy: isLate ? seconds(now.getTime() - due.getTime()) : null,
    lateSince: isLate ? due.toISOString() : null,
    snapshot: counts ?? null,
    problems,
    notices: noticesOf(survey, counts, due),
  };
}

/** What is lost and what was changed: by the newest manifests for a watch, by all of them for a prune. */
export function problemsOfChain(lost: readonly ChainFault[], faults: readonly ChainFault[]): readonly Problem[] {
  return [...theFirst("SNAPSHOT_LOST", lost, "snapshots"), ...theFirst("INTEGRITY_MANIFEST", faults, "manifests")];
}

function theFirst(code: Problem["code"], found: readonly ChainFault[], what: string): readonly Problem[] {
  const rest = found.slice(MAX_FAULTS).map(({ snapshot }) => snapshot);
  const snapshots = rest.toSorted().slice(-MAX_NAMED);
  const more = rest.length > 0 ? [{ code, message: `and ${rest.length} more ${what}`, snapshots }] : [];
  return [
    ...found.slice(0, MAX_FAULTS).map(({ snapshot, message }) => ({ code, message, snapshots: [snapshot] })),
    ...more,
  ];
}

/** What is older than a good snapshot is a notice: it stays, and nobody waits for it. */
const isPressing = ({ newestGood }: JobSurvey, snapshot: string): boolean =>
  newestGood === undefined || snapshot > newestGood;

function unreadProblems(survey: JobSurvey): readonly Problem[] {
  const pressing = survey.unread.filter(({ snapshot }) => isPressing(survey, snapshot));
  return [...Map.groupBy(pressing, ({ code }) => code)].flatMap(([code, found]) => theFirst(code, found, "manifests"));
}

function lateness(survey: JobSurvey, counts: string | undefined, due: Date, now: Date): Problem {
  const late = `it was due by ${formatMinute(due)}, ${formatDuration(now.getTime() - due.getTime())} ago`;
  const { newestGood, since } = survey;
  if (newestGood !== undefined && newestGood !== counts) {
    const proved = counts === undefined ? "none was ever proved" : `the last that was is ${counts}`;
    return { code: "JOB_NOT_PROVED", message: `${newestGood} is good but was not proved; ${proved}; ${late}` };
  }
  const last = counts === undefined ? "there is no good snapshot" : `no good snapshot since ${counts}`;
  return { code: "JOB_LATE", message: `${last}; ${late}; ${runsSince(since)}` };
}

/** By the schedule alone: a long deadline must not hide that nothing runs any more. */
function notStarted(
  { schedule, timezone }: DueJob,
  { lastStart, unfinished }: JobSurvey,
  { firstSeen, now }: { readonly firstSeen: Date; readonly now: Date },
): readonly Problem[] {
  if (schedule === undefined || unfinished?.state === "running") return [];
  const due = dueAt({ schedule, timezone }, lastStart ?? firstSeen);
  if (due === undefined || due >= now) return [];
  const last = lastStart === undefined ? "it was never run" : `the last one began at ${formatMinute(lastStart)}`;
  const late = formatDuration(now.getTime() - due.getTime());
  return [{ code: "JOB_NOT_STARTED", message: `no run was started by ${formatMinute(due)}, ${late} ago; ${last}` }];
}

function runsSince(since: JobSurvey["since"]): string {
  if (since.length === 0) return "no run was started since";
  const counts = new Map<string, number>();
  for (const { status } of since) counts.set(status, (counts.get(status) ?? 0) + 1);
  return `runs since: ${[...counts].map(([status, count]) => `${count} ${status}`).join(", ")}`;
}

function noticesOf(survey: JobSurvey, counts: string | undefined, due: Date | undefined): string[] {
  const { unfinished, first, ahead } = survey;
  const notices: string[] = [];
  if (due === undefined) notices.push("has neither schedule nor deadline, so it is never late");
  if (counts === undefined) {
    const what = first === undefined ? "was never run" : "has no snapshot yet that counts";
    notices.push(due === undefined ? what : `${what}; one is due by ${due.toISOString()}`);
  }
  if (ahead.length > 0) {
    const [which, they] =
      ahead.length === 1 ? [`${ahead[0]} is`, "it counts"] : [`${ahead.join(", ")} are`, "they count"];
    notices.push(`${which} dated after now, by a clock that was ahead: until then ${they} for nothing`);
  }
  const unread = survey.unread.filter(({ snapshot }) => !isPressing(survey, snapshot));
  if (unread[0] !== undefined) {
    const others = unread.length === 1 ? "" : `, and so for ${unread.length - 1} more`;
    notices.push(`${unread[0].message}${others}: prune keeps what may be good`);
  }
  if (unfinished?.state === "running") notices.push(`run ${unfinished.snapshot} is going on`);
  if (unfinished?.state === "stopped") notices.push(`run ${unfinished.snapshot} was stopped before its end`);
  return notices;
}

const timeOf = (snapshot: string | undefined): Date | undefined =>
  snapshot === undefined ? undefined : snapshotTime(snapshot);

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));
