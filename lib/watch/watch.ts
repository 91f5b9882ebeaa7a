import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { allClearAfter, eitherAllClear } from "../notify/all-clear.ts";
import { reportKey } from "../notify/job-report.ts";
import { type Delivery, type Tellable, tell, wasHeard } from "../notify/tell.ts";
import { changeTold, nothingTold, readTold, type Told } from "../notify/told.ts";
import { namedBy } from "../notify/told-problems.ts";
import { unreachedAfter } from "../notify/unreached.ts";
import { eachLimited, eachLimitedBy } from "../pool.ts";
import { surveyJob } from "../survey-job.ts";
import { claimNow } from "./claimed.ts";
import { besideOf, removedJobs } from "./removed-jobs.ts";
import { type TimeToLook, timeToLook } from "./time-to-look.ts";
import { judgeJob, type WatchedJob } from "./watch-job.ts";
import { recallHere, rememberBeside, rememberHere } from "./watch-memory.ts";
import { newsOf, problemsOf, type Watched, wasRead } from "./watch-news.ts";

export interface WatchInput {
  /** Look only: nobody is told and nothing is remembered. */
  readonly dryRun: boolean;
  /** How long it may look, for who has only so much time, and some of it for telling. A job that was not looked at by then has that as its problem. */
  readonly withinMs?: number;
}

export interface WatchResult {
  /** In the order of the configuration; jobs that it does not have any more come last. */
  readonly jobs: readonly WatchedJob[];
  readonly deliveries: readonly Delivery[];
}

/** Of each storage. */
const JOBS_AT_ONCE = 4;

/**
 * Looks from outside at the jobs: whether each has a good snapshot within its deadline, whether a run is stuck, whether
 * manifests were changed. It asks the storage and no runner, so it can run on any machine. What is wrong is told once,
 * and once more when it is well again. Throws nothing: a storage that cannot be read is a problem of its jobs.
 */
export async function watch(
  backup: Backup,
  jobs: readonly Job[],
  { dryRun, withinMs }: WatchInput,
): Promise<WatchResult> {
  const found: Watched[] = [];
  const inTime = timeToLook(withinMs);
  await eachLimitedBy(
    jobs.entries(),
    ([, job]) => job.target_storage,
    JOBS_AT_ONCE,
    async ([n, job]) => {
      found[n] = await inTime(() => look(backup, job)).catch((error: unknown) => notLooked(backup, job, error));
    },
  );
  if (jobs.length === backup.config.jobs.length) found.push(...(await removedInTime(backup, inTime)));
  const result = found.map(({ watched }) => watched);
  if (dryRun) return { jobs: result, deliveries: [] };
  const news = found.flatMap((one) => newsOf(backup, one));
  const deliveries = news.length === 0 ? [] : await tell(backup, "watch", news);
  const newsAbout = new Map(news.map((told) => [told.report.key, told]));
  await eachLimited(found, JOBS_AT_ONCE, (one) =>
    remember(backup, one, deliveries, newsAbout.get(reportKey(backup.config, one.job))),
  );
  return { jobs: result, deliveries };
}

/** Without `prepare`, which tries to store: the right to read is enough. A share that is not mounted is told by each look at it. */
async function look(backup: Backup, job: Job): Promise<Watched> {
  const now = backup.now();
  const storage = await backup.storage(job);
  const stored = await readTold(storage, job.name);
  const told = await recallHere(backup, job, stored);
  const firstSeen = told.watch === undefined ? now : new Date(told.watch.firstSeen);
  const survey = await surveyJob(storage, job.name, now, {
    toldOf: Object.values(told.missed?.named ?? {}).flat(),
    proves: job.verify.prove !== false,
  });
  const judged = judgeJob(job, survey, { firstSeen, now });
  const before = told.watch?.schedule;
  const changed =
    before === undefined || before === scheduleText(job)
      ? undefined
      : `its schedule was ${before}, and is ${scheduleText(job)} now`;
  const notices = changed === undefined ? judged.notices : [...judged.notices, changed];
  return { job, told, stored, watched: { ...judged, notices }, changed };
}

async function notLooked(backup: Backup, job: Job, error: unknown): Promise<Watched> {
  const { code, message } = errorRecord(error, backup.redaction.redact);
  const nothing = { age: null, deadline: null, lateBy: null, lateSince: null, snapshot: null, notices: [] };
  const watched = {
    ...nothing,
    job: job.name,
    storage: job.target_storage,
    ok: false,
    problems: [{ code, message }],
  };
  return { job, told: await recallHere(backup, job, nothingTold(job.name)), watched };
}

async function removedInTime(backup: Backup, inTime: TimeToLook): Promise<readonly Watched[]> {
  try {
    return await inTime(() => removedJobs(backup));
  } catch (error) {
    if (backup.signal.aborted) return [];
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.warn(`storages were not looked through for jobs that were removed: ${message}`, { code });
    return [];
  }
}

/** What nobody could be told is told again by the next watch. */
async function remember(
  backup: Backup,
  { job, watched, told: known, stored = known, isStorage }: Watched,
  deliveries: readonly Delivery[],
  news: Tellable | undefined,
): Promise<void> {
  // Only those were told who were not reached before.
  const isAgain = news?.to !== undefined;
  const asked = deliveries.filter(({ jobs }) => jobs.includes(job.name));
  const untold = !isAgain && asked.length > 0 && asked.every((one) => !wasHeard(one, job.name));
  const problems = problemsOf(watched);
  const now = backup.now().toISOString();
  const missedAfter = ({ missed }: Pick<Told, "missed">): Told["missed"] => {
    if (untold) return missed;
    if (problems.length === 0) return null;
    // So that they are looked at again when the storage can be read.
    const named = wasRead(watched) ? namedBy(watched.problems) : (missed?.named ?? {});
    const unreached = unreachedAfter(missed?.unreached, job.name, asked, isAgain);
    return {
      since: missed?.since ?? watched.lateSince ?? now,
      problems: [...problems],
      ...(Object.keys(named).length === 0 ? {} : { named }),
      ...(unreached === undefined ? {} : { unreached }),
    };
  };
  const watchAfter = ({ watch }: Pick<Told, "watch">): Told["watch"] => {
    if (watched.removed === true) return watch;
    const schedule = untold && watch !== undefined ? watch.schedule : scheduleText(job);
    const beside = [...besideOf(backup.config, job)];
    return { firstSeen: watch?.firstSeen ?? now, schedule, beside, ...claimNow(job, backup.now()) };
  };
  const allClearNow = ({ allClear }: Pick<Told, "allClear">): Told["allClear"] => {
    const before = eitherAllClear(allClear, known.allClear);
    return news === undefined ? before : allClearAfter(before, { kind: "watch", report: news.report, deliveries });
  };
  const here = { missed: missedAfter(known), allClear: allClearNow(known) };
  try {
    if (isStorage || !wasRead(watched)) return await rememberHere(backup, job, { ...here, takenOver: known.takenOver });
    const storage = await backup.storage(job);
    try {
      await changeTold(storage, job.name, (told) => ({
        ...told,
        missed: missedAfter(told),
        allClear: allClearNow(told),
        watch: watchAfter(told),
      }));
    } catch (error) {
      if ((await backup.watchMemory?.(job)) === undefined) throw error;
      return await rememberBeside(backup, job, stored, { ...here, watch: watchAfter(known) });
    }
    if (!untold) await rememberHere(backup, job, { missed: null, allClear: undefined, takenOver: undefined });
  } catch (error) {
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: job.name }).warn(`what was told cannot be remembered: ${message}`, { code });
  }
}

function scheduleText({ schedule, timezone, deadlineMs }: Job): string {
  const when = schedule === undefined ? "none" : `${schedule} ${timezone}`;
  return deadlineMs === undefined ? when : `${when}, deadline ${deadlineMs / 1000} s`;
}
