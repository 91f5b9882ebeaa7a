import { isRecord } from "../lib/config/messages.ts";
import type { Job } from "../lib/config/schema.ts";
import { packedConfig } from "../lib/function-task.ts";
import { CREDENTIALS_OF_TASKS } from "../lib/network/proxy-variables.ts";

/** A task definition may have 64 KiB in all. */
const LIMIT_BYTES = 48 * 1024;

/**
 * What one job needs of the configuration, for the environment of its task: an image that was given knows no configuration,
 * and everything in here is a name where it could be a secret (`on-aws.ts`). Who is told is not the task's business.
 * @throws Error for a job that lists more than a task definition holds
 */
export function taskConfig(document: unknown, job: Job): string {
  if (!isRecord(document) || !Array.isArray(document.jobs) || !isRecord(document.storage)) {
    throw new Error("a configuration that was checked has jobs and storage");
  }
  const { notify: _, ...own } = document.jobs.find((one) => isRecord(one) && one.name === job.name);
  const packed = packedConfig({
    jobs: [own],
    storage: { [job.target_storage]: document.storage[job.target_storage] },
    ...(document.secrets === undefined ? {} : { secrets: document.secrets }),
    ...(document.proxy === undefined ? {} : { proxy: document.proxy }),
    ...(isRecord(document.egress) ? { egress: withCredentials(document.egress) } : {}),
  });
  if (packed.length <= LIMIT_BYTES) return packed;
  throw new Error(
    `job ${job.name}: its part of the configuration takes ${packed.length} bytes packed, and a task definition has room for ${LIMIT_BYTES}: split the job, or give it compute: lambda`,
  );
}

/** Without its credentials a task can do nothing at all, not even write down that it may not. */
function withCredentials({ allow }: Readonly<Record<string, unknown>>) {
  return { allow: [...(Array.isArray(allow) ? allow : []), `${CREDENTIALS_OF_TASKS}:80`] };
}
