import { digestOf } from "../lib/deployment/names.ts";

/** Letters and digits alone, as CloudFormation wants its logical ids. Two jobs never share one. */
export const logicalId = (job: string): string => `${pascal(job)}${digestOf(job)}`;

/** `collect-docker_volume` as it stands in a logical id: `CollectDockerVolume`. */
export const pascal = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map(capitalized)
    .join("");

/** `collect` as it begins in a logical id: `Collect`. */
export const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
