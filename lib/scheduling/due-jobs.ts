import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { eachLimited } from "../pool.ts";
import { begunHere, rememberAnswered, rememberUnreachable } from "./begun-here.ts";
import { EARLY_MS } from "./due.ts";
import { jobPast } from "./job-past.ts";
import { firstTurn, type JobPast, type Turn, withMissed } from "./turn.ts";

export interface AskedJob {
  readonly job: Job;
  readonly isDue: boolean;
  /** Undefined for one without a schedule. */
  readonly turn: Turn | undefined;
  /** Some process is at work on it. Such a job is not due: when that has ended it may be. */
  readonly running: boolean;
}

const JOBS_AT_ONCE = 4;

/**
 * Which jobs `serve` would begin now, decided from the storage alone, in the order given. A job that is asked about only
 * now and then never meets its time, so `catch_up: false` counts for nothing here. One whose storage cannot be asked is due
 * at its next time after this machine last began it, and at once where that is not known: its run says what is wrong, and tells it.
 */
export async function dueJobs(backup: Backup, jobs: readonly Job[]): Promise<readonly AskedJob[]> {
  const asked: AskedJob[] = [];
  await eachLimited(jobs.entries(), JOBS_AT_ONCE, async ([n, job]) => {
    asked[n] = await ask(backup, job);
  });
  return asked;
}

/**
 * The same of one that was due and had to wait: another process may have run it since, or is at work on it. The log says so.
 */
export async function isStillDue(backup: Backup, job: Job): Promise<boolean> {
  const asked = await ask(backup, job).catch(() => undefined);
  // Told to stop while it was asked: its run says so.
  if (asked === undefined || asked.isDue) return true;
  const { running } = asked;
  const why = running ? "another process is at work on it" : "another process has run it meanwhile";
  backup.log.with({ job: job.name }).info(`not begun: ${why}`);
  return false;
}

async function ask(backup: Backup, job: Job): Promise<AskedJob> {
  const now = backup.now();
  if (job.schedule === undefined) return { job, isDue: false, turn: undefined, running: false };
  const past = await pastOf(backup, job);
  const turn = firstTurn(withMissed(job), past, now);
  return { job, turn, isDue: !past.running && turn !== undefined && turn.begin <= now, running: past.running };
}

async function pastOf(backup: Backup, job: Job): Promise<JobPast> {
  const here = await begunHere(backup, job);
  try {
    const past = await jobPast(backup, job);
    if (here?.unreachable === true) await rememberAnswered(backup, job, past.lastStart);
    return here === undefined || here.unreachable ? past : withTraceless(past, here.begunAt);
  } catch (error) {
    backup.signal.throwIfAborted();
    await rememberUnreachable(backup, job);
    const { message, code } = errorRecord(error, backup.redaction.redact);
    const log = backup.log.with({ job: job.name });
    if (here?.begunAt !== undefined) {
      log.warn(`goes by its last run from this machine, since the storage does not say: ${message}`, { code });
      return { lastStart: here.begunAt, unfinished: undefined, running: false };
    }
    log.warn(`taken for due, since the storage does not say: ${message}`, { code });
    return { lastStart: undefined, unfinished: backup.now(), running: false };
  }
}

/** A run that could not even take its lease, as on a full disk, was begun all the same. */
function withTraceless(past: JobPast, begunAt: Date | undefined): JobPast {
  const { lastStart } = past;
  if (begunAt === undefined) return past;
  if (lastStart !== undefined && begunAt.getTime() - lastStart.getTime() <= EARLY_MS) return past;
  return { ...past, lastStart: begunAt, unfinished: undefined };
}
