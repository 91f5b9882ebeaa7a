import { createHash } from "node:crypto";

/** Letters and digits alone, as CloudFormation wants its logical ids. Two jobs never share one. */
export function logicalId(job: string): string {
  const words = job.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return `${words.map(capitalized).join("")}${digest(job)}`;
}

/** `collect` as it begins in a logical id: `Collect`. */
export const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/**
 * The job as a part of a name on AWS (state machine, schedule: letters, digits, `-`, `_`), as readable as can be. A job that
 * cannot be written so, or is too long, ends in a digest, so that two jobs never share a name.
 */
export function awsName(job: string, limit: number): string {
  const plain = job.replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  return plain === job && job.length <= limit ? job : `${plain.slice(0, limit - 9)}-${digest(job)}`;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
