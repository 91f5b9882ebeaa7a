import { digestOf } from "../lib/deployment/names.ts";

/** Letters and digits alone, as CloudFormation wants its logical ids. Two jobs never share one. */
export function logicalId(job: string): string {
  const words = job.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return `${words.map(capitalized).join("")}${digestOf(job)}`;
}

/** `collect` as it begins in a logical id: `Collect`. */
export const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
