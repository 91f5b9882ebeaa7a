import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { knownNames } from "../known.ts";
import { UsageError } from "../usage-error.ts";

export interface Example {
  readonly name: string;
  /** What its first lines say. */
  readonly about: string;
}

/** The configurations of config/examples/, which come with the program. */
export async function listExamples(): Promise<readonly Example[]> {
  const names = (await readdir(folder())).filter((name) => name.endsWith(".yml")).map((name) => name.slice(0, -4));
  return Promise.all(names.sort().map(async (name) => ({ name, about: aboutOf(await textOf(name)) })));
}

/** One of them as it is to be written elsewhere. @throws UsageError for a name that there is not */
export async function exampleText(name: string): Promise<string> {
  const known = (await listExamples()).map((example) => example.name);
  if (!known.includes(name)) throw new UsageError(`there is no example ${name}${knownNames(name, known)}`);
  return (await textOf(name)).replace("$schema=../core-backup.schema.json", "$schema=core-backup.schema.json");
}

const textOf = (name: string): Promise<string> => readFile(join(folder(), `${name}.yml`), "utf8");

function aboutOf(text: string): string {
  const lines = text.split("\n").slice(1);
  const begin = lines.findIndex((line) => /^# \S/.test(line));
  const end = lines.findIndex((line, n) => n > begin && !/^# \S/.test(line));
  return lines
    .slice(begin, end)
    .map((line) => line.slice(2))
    .join(" ");
}

/** In a checkout and in the published package, whose code lies one folder deeper. */
function folder(): string {
  for (let at = import.meta.dirname; dirname(at) !== at; at = dirname(at)) {
    const examples = join(at, "config", "examples");
    if (existsSync(examples)) return examples;
  }
  throw new Error("config/examples did not come with the program");
}
