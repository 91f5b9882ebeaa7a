import { type CommandSpec, commandTable, globalOptions, type OptionSpec } from "../command-table.ts";

/** A flag as completion sees it. */
export interface Flag {
  readonly names: readonly string[];
  readonly about: string;
  /** What follows the flag; undefined for one that takes nothing. */
  readonly takes: "job" | "file" | "folder" | "word" | readonly string[] | undefined;
}

export const flagsOf = (command: CommandSpec): Flag[] => [...command.options, ...globalOptions].map(flag);

export function uniqueFlags(): Flag[] {
  const all = [...globalOptions, ...commandTable.flatMap(({ options }) => options)].map(flag);
  return [...new Map(all.map((one) => [one.names.join(), one])).values()];
}

/** From `-c, --config <file>`. */
export function flag({ flags, about, choices }: OptionSpec): Flag {
  const names = flags.split(/[ ,]+/).filter((word) => word.startsWith("-"));
  const value = /<(.+)>/.exec(flags)?.[1];
  const takes =
    value === undefined
      ? undefined
      : (choices ?? (value === "name" ? "job" : value === "file" || value === "folder" ? value : "word"));
  return { names, about, takes };
}

/** One word for any of the three shells. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
