import type { Backup } from "../backup.ts";
import type { Config, Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { snapshotTime } from "../keys.ts";
import { nothingTold, REMOVED, readTold, type Told } from "../notify/told.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";
import { newestSnapshot } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";
import { isClaimed } from "./claimed.ts";
import { jobOfFolder } from "./job-of-folder.ts";
import { storageName } from "./storage-name.ts";
import type { WatchedJob } from "./watch-job.ts";
import { recallHere } from "./watch-memory.ts";
import type { Watched } from "./watch-news.ts";

/** Enough to know the configuration by, of the one that has thousands too: from all over it, as neighbours are often taken out together. */
const MOST_BESIDE = 20;

/**
 * A job that was taken out of the configuration, or given another storage, is not forgotten while there are snapshots of it, nor
 * before what was told of it is ended. Other configurations may share the storage: theirs are known by what they were watched beside, and
 * by being watched or run still. A storage that no job uses any more, and that cannot be looked through for such jobs, stands there as one.
 */
export async function removedJobs(backup: Backup): Promise<readonly Watched[]> {
  const removed = new Map<string, Watched>();
  for (const storageName of Object.keys(backup.config.storage)) {
    const whole = placeholder(backup, storageName);
    if (whole === undefined) return [];
    try {
      const storage = await backup.storage(whole);
      for await (const folder of storage.folders("")) {
        const found = await removedJob(backup, storage, whole, folder);
        if (found !== undefined) removed.set(`${found.job.name}\0${storageName}`, found);
      }
      const told = await recallHere(backup, whole, nothingTold(whole.name));
      // Told as such once, and now over; or somebody is still to hear that.
      if (told.missed !== null || told.allClear !== undefined)
        removed.set(whole.name, { job: whole, told, watched: lookedThrough(whole, []), isStorage: true });
    } catch (error) {
      backup.signal.throwIfAborted();
      const { message, code } = errorRecord(error, backup.redaction.redact);
      backup.log.warn(`storage ${storageName} cannot be looked through: ${message}`, { code });
      // One that a job has is told of there.
      if (backup.config.jobs.some(({ target_storage }) => target_storage === storageName)) continue;
      const told = await recallHere(backup, whole, nothingTold(whole.name));
      const text = `no job uses it any more, and it cannot be looked through for snapshots of jobs that were removed: ${message}`;
      const watched = lookedThrough(whole, [{ code, message: text }]);
      removed.set(whole.name, { job: whole, told, watched, isStorage: true });
    }
  }
  return [...removed.values()];
}

/** The other jobs of its configuration, by which it is known again whose a job is that is not in it any more. */
export function besideOf({ jobs }: Pick<Config, "jobs">, { name }: Pick<Job, "name">): readonly string[] {
  const others = jobs.map((job) => job.name).filter((other) => other !== name);
  const step = Math.ceil(others.length / MOST_BESIDE);
  return others.filter((_, n) => n % step === 0);
}

/** Stands for all that lies in a storage: with the keys of a job that is there, or of any, to read what is sealed. */
function placeholder({ config }: Backup, storage: string): Job | undefined {
  const [some] = config.jobs;
  const one = config.jobs.find(({ target_storage }) => target_storage === storage) ?? some;
  if (one === undefined) return undefined;
  return { ...one, name: storageName(storage), service: "unknown", target_storage: storage, notify: undefined };
}

async function removedJob(backup: Backup, storage: Storage, whole: Job, folder: string): Promise<Watched | undefined> {
  const name = await jobOfFolder(storage, folder);
  const { jobs } = backup.config;
  const same = jobs.find((job) => job.name === name);
  if (name === undefined || same?.target_storage === whole.target_storage) return undefined;
  const stored = await readTold(storage, name);
  const told = await recallHere(backup, { ...whole, name }, stored);
  const beside = new Set(told.watch?.beside);
  const isOurs = jobs.some((job) => job !== same && beside.has(job.name));
  const now = backup.now();
  const { seen } = told.watch ?? {};
  if (!isOurs && seen !== undefined && isClaimed({ ...told.watch }, new Date(seen), now)) return undefined;
  const newest = await newestSnapshot(storage, name);
  const begun = newest === undefined ? undefined : snapshotTime(newest.snapshot);
  if (!isOurs && begun !== undefined && isClaimed({ ...told.watch }, begun, now)) return undefined;
  if (newest === undefined && !(isOurs && isOpen(told))) return undefined;
  const job: Job = { ...whole, name, service: newest?.manifest?.service ?? "unknown" };
  const where = whereNow(backup, job, { movedTo: same?.target_storage, isOurs });
  return { job, watched: watchedRemoved(backup, job, newest, where), told, stored };
}

/** Somebody was told that it is not well, and nobody that it is no more. */
const isOpen = ({ failing, missed }: Told): boolean =>
  (failing !== null || missed !== null) && missed?.problems.includes(REMOVED) !== true;

function whereNow(
  { config }: Backup,
  job: Job,
  { movedTo, isOurs }: { readonly movedTo: string | undefined; readonly isOurs: boolean },
): string {
  if (movedTo !== undefined)
    return `is stored in ${movedTo} now, so in ${job.target_storage} nothing is added or pruned any more; there`;
  const nobodys = isOurs ? "" : " nor in another configuration that is watched or run still";
  return `is not in ${config.file}${nobodys}, so it is backed up no more;`;
}

function watchedRemoved({ now }: Backup, job: Job, newest: SnapshotEntry | undefined, where: string): WatchedJob {
  const ageMs = newest === undefined ? null : now().getTime() - (snapshotTime(newest.snapshot)?.getTime() ?? 0);
  const left = newest === undefined ? "there is no snapshot of it" : `its newest snapshot is ${newest.snapshot}`;
  return {
    ...lookedThrough(job, []),
    age: ageMs === null ? null : Math.round(ageMs / 1000),
    snapshot: newest?.snapshot ?? null,
    notices: [`${where} ${left}`],
    removed: true,
  };
}

const lookedThrough = ({ name, target_storage }: Job, problems: WatchedJob["problems"]): WatchedJob => ({
  job: name,
  storage: target_storage,
  ok: problems.length === 0,
  age: null,
  deadline: null,
  lateBy: null,
  lateSince: null,
  snapshot: null,
  problems,
  notices: [],
});
