import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { eitherAllClear } from "../notify/all-clear.ts";
import { reportKey } from "../notify/job-report.ts";
import { changeTold, nothingTold, readTold, type Told } from "../notify/told.ts";

/**
 * What was told of a job whose storage cannot be asked, or may only be read, so that it is told once: it is kept on this machine, or on AWS in
 * the bucket of the stack. Where there is no such place it is told again.
 */

/** `stored`: what the storage knows, or nothing where it cannot be read. Throws nothing. */
export async function recallHere(backup: Backup, job: Job, stored: Told): Promise<Told> {
  const here = await toldHere(backup, job);
  const told = { ...withoutTakenOver(stored, here.takenOver), takenOver: here.takenOver };
  const watch = told.watch ?? here.watch;
  const allClear = eitherAllClear(told.allClear, here.allClear);
  const known = { ...told, ...(watch === undefined ? {} : { watch }), ...(allClear === undefined ? {} : { allClear }) };
  if (here.missed === null) return known;
  const both = [told.missed ?? here.missed, here.missed];
  const [since = here.missed.since] = both.map((one) => one.since).sort();
  return {
    ...known,
    missed: { ...here.missed, ...told.missed, since, problems: [...new Set(both.flatMap(({ problems }) => problems))] },
  };
}

/**
 * Beside a storage that may only be read. What stands there nobody can clear for this watch, so from now on it counts here alone.
 * @throws StorageError | TransientError
 */
export async function rememberBeside(
  backup: Backup,
  job: Job,
  stored: Pick<Told, "missed" | "allClear">,
  told: Pick<Told, "missed" | "allClear" | "watch">,
): Promise<void> {
  await rememberHere(backup, job, {
    ...told,
    takenOver: { since: stored.missed?.since, allClear: stored.allClear?.notifiers },
  });
}

const KEPT_HERE = ["failing", "missed", "allClear", "watch", "takenOver"] as const;

/** What is not given stays as it is here: a watch leaves alone what runs told, and a run what a watch did. @throws StorageError | TransientError */
export async function rememberHere(
  backup: Backup,
  job: Job,
  told: Partial<Pick<Told, (typeof KEPT_HERE)[number]>>,
): Promise<void> {
  const memory = await backup.watchMemory?.(job);
  if (memory === undefined) return;
  const given = KEPT_HERE.filter((key) => key in told);
  const isNothing = (of: typeof told) => given.every((key) => of[key] === null || of[key] === undefined);
  if (isNothing(told) && isNothing(await toldHere(backup, job))) return;
  await changeTold(memory, reportKey(backup.config, job), (before) => ({ ...before, ...told }));
}

/** The same of what runs tell: what a watch told here is for a watch to end. Throws nothing. */
export async function recallRuns(backup: Backup, job: Job, told: Told): Promise<Told> {
  return withRunsOf(told, await toldHere(backup, job));
}

/** With what was told of runs in another place, too. Pure. */
export function withRunsOf(told: Told, other: Told): Told {
  const both = [told.failing ?? other.failing, other.failing ?? told.failing].filter((one) => one !== null);
  const [since] = both.map((one) => one.since).sort();
  const most = both.sort((a, b) => b.runs - a.runs)[0];
  const failing = since === undefined || most === undefined ? null : { ...most, since };
  return { ...told, failing, allClear: eitherAllClear(told.allClear, other.allClear) };
}

function withoutTakenOver(stored: Told, takenOver: Told["takenOver"]): Told {
  const { missed, allClear, ...rest } = stored;
  const isOurs = allClear?.notifiers.every((one) => takenOver?.allClear?.includes(one)) ?? true;
  return {
    ...rest,
    missed: missed !== null && missed.since === takenOver?.since ? null : missed,
    ...(isOurs ? {} : { allClear }),
  };
}

/** The same name of a job can be in several configurations: it is known by where it lies too. */
async function toldHere(backup: Backup, job: Job): Promise<Told> {
  const key = reportKey(backup.config, job);
  try {
    const memory = await backup.watchMemory?.(job);
    return memory === undefined ? nothingTold(key) : await readTold(memory, key);
  } catch (error) {
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: job.name }).debug(`what was told of it is not known: ${message}`, { code });
    return nothingTold(key);
  }
}
