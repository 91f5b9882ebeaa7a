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

/** `told`: what the storage knows, or nothing where it cannot be read. Throws nothing. */
export async function recallHere(backup: Backup, job: Job, told: Told): Promise<Told> {
  const here = await toldHere(backup, job);
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

/** @throws StorageError | TransientError */
export async function rememberHere(
  backup: Backup,
  job: Job,
  { missed, allClear, watch }: Pick<Told, "missed" | "allClear" | "watch">,
): Promise<void> {
  const memory = await backup.watchMemory?.(job);
  if (memory === undefined) return;
  if (missed === null && allClear === undefined && watch === undefined) {
    const here = await toldHere(backup, job);
    if (here.missed === null && here.allClear === undefined) return;
  }
  await changeTold(memory, reportKey(backup.config, job), (told) => ({
    ...told,
    missed,
    allClear,
    watch: watch ?? told.watch,
  }));
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
