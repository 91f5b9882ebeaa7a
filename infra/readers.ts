import type { Config, Job } from "../lib/config/schema.ts";
import { digestOf } from "../lib/deployment/names.ts";
import { secretIds } from "./secrets.ts";

/** Jobs that share the functions which read their sources. */
export interface Readers {
  /** `git`, or where secrets are read `git-1a2b3c4d`: it stays as it is while its jobs and secrets keep their names. */
  readonly id: string;
  readonly service: Job["service"];
  readonly jobs: readonly Job[];
}

/**
 * Jobs of one service whose functions would read the very same secrets share them; all others have their own. So no function
 * may read what one of its jobs has no use for, and many jobs with one token do not take many functions.
 */
export function readersOf(config: Config): readonly Readers[] {
  const groups = new Map<string, Readers & { readonly jobs: Job[] }>();
  for (const job of config.jobs) {
    const id = readersId(config, job);
    const { jobs } = groups.get(id) ?? { jobs: [] };
    groups.set(id, { id, service: job.service, jobs: [...jobs, job] });
  }
  return [...groups.values()];
}

export function readersId(config: Config, job: Job): string {
  const secrets = secretIds(configOf(config, [job]));
  return secrets.length === 0 ? job.service : `${job.service}-${digestOf(JSON.stringify(secrets))}`;
}

/** What some of the jobs need of the configuration: no other job, and no storage that is another's. */
export function configOf(config: Config, jobs: readonly Job[]): Config {
  const used = new Set(jobs.map(({ target_storage }) => target_storage));
  const storage = Object.fromEntries(Object.entries(config.storage).filter(([name]) => used.has(name)));
  return { ...config, jobs: [...jobs], storage };
}
