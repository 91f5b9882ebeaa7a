import { createHash } from "node:crypto";

/** A state machine's name may have 80 characters. */
const MACHINE_NAME_LIMIT = 80;

/**
 * The job as a part of a name on AWS (state machine, schedule: letters, digits, `-`, `_`), as readable as can be. A job that
 * cannot be written so, or is too long, ends in a digest, so that two jobs never share a name.
 */
export function awsName(job: string, limit: number): string {
  const plain = job.replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  return plain === job && job.length <= limit ? job : `${plain.slice(0, limit - 9)}-${digestOf(job)}`;
}

/** `stack`: `<service>-<stage>` */
export const machineName = (stack: string, job: string): string =>
  `${stack}-${awsName(job, MACHINE_NAME_LIMIT - stack.length - 1)}`;

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
