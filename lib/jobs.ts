import type { Config, Job } from "./config/schema.ts";
import { NotFoundError } from "./errors.ts";

/** @throws NotFoundError naming the jobs that there are */
export function findJob(config: Config, name: string): Job {
  const job = config.jobs.find((one) => one.name === name);
  if (job !== undefined) return job;
  throw new NotFoundError(
    `no job is called ${name}; ${config.file} has ${config.jobs.map((one) => one.name).join(", ")}`,
  );
}
