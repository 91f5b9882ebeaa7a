import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { errorRecord } from "../errors.ts";
import { folderName, snapshotTime } from "../keys.ts";
import { readTold } from "../notify/told.ts";
import { newestSnapshot } from "../snapshots.ts";
import type { WatchedJob } from "./watch-job.ts";
import type { Watched } from "./watch-news.ts";

/** A job that was taken out of the configuration is not forgotten while there are snapshots of it. */
export async function removedJobs(backup: Backup): Promise<readonly Watched[]> {
  const { config } = backup;
  const removed = new Map<string, Watched>();
  const [some] = config.jobs;
  if (some === undefined) return [];
  for (const storageName of Object.keys(config.storage)) {
    try {
      const storage = await backup.storage({ ...some, target_storage: storageName });
      for await (const folder of storage.folders("")) {
        const name = nameOf(folder);
        if (name === undefined || removed.has(name) || config.jobs.some((job) => job.name === name)) continue;
        const newest = await newestSnapshot(storage, name);
        if (newest === undefined) continue;
        const job: Job = {
          ...some,
          name,
          service: newest.manifest?.service ?? "unknown",
          target_storage: storageName,
          notify: undefined,
        };
        const age = Math.round((backup.now().getTime() - (snapshotTime(newest.snapshot)?.getTime() ?? 0)) / 1000);
        const notice = `is not in ${config.file}, so it is backed up no more; its newest snapshot is ${newest.snapshot}`;
        const nothing = { deadline: null, lateBy: null, problems: [] };
        const watched: WatchedJob = {
          ...nothing,
          job: name,
          storage: storageName,
          ok: true,
          age,
          snapshot: newest.snapshot,
          notices: [notice],
          removed: true,
        };
        removed.set(name, { job, watched, told: await readTold(storage, name) });
      }
    } catch (error) {
      // A storage that one of the jobs has is told of there.
      const { message, code } = errorRecord(error, backup.redaction.redact);
      backup.log.warn(`storage ${storageName} cannot be looked through: ${message}`, { code });
    }
  }
  return [...removed.values()];
}

/** The name that a folder of a job was made from; undefined for one that is none, or was shortened. */
function nameOf(folder: string): string | undefined {
  try {
    const name = decodeURIComponent(folder);
    return folderName(name) === folder ? name : undefined;
  } catch {
    return undefined;
  }
}
