import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { loadConfig } from "../../lib/config/load.ts";
import { ConfigError, RefusedError } from "../../lib/errors.ts";
import { formatCount } from "../../lib/format.ts";
import { isTimezone } from "../../lib/scheduling/schedule.ts";
import { shellWord } from "../../lib/shell-word.ts";
import type { Command, CommandContext } from "../command.ts";
import { configText } from "../init/config-text.ts";
import { exampleText, listExamples } from "../init/examples.ts";
import { type Found, find } from "../init/find.ts";
import { configFile } from "../session.ts";
import { table } from "../table.ts";

const MONGODB_PORT = 27_017;

export const initCommand: Command = async (context) => {
  const { options, output, env, program } = context;
  if (options.list) return list(context);
  const file = configFile(context);
  const folder = process.cwd();
  const found = options.example === undefined ? await find({ folder, env, mongodbPort: MONGODB_PORT }) : undefined;
  const text =
    found === undefined
      ? await exampleText(options.example ?? "")
      : configText({ found, folder, timezone: ownTimezone() });
  await writeNew(file, text);
  const faults = await faultsOf(file, env);
  const next = `${program} ${faults.length === 0 ? "plan" : "validate"} --config ${shellWord(file)}`;
  const seen = found === undefined ? "" : `found: ${foundText(found)}\n`;
  const todo = faults.length === 0 ? "" : `${formatCount(faults.length, "thing")} to fill in before it can be used\n`;
  output.result({
    text: `${file} is written\n${seen}${todo}\nnext:\n  ${next}\n`,
    json: { file: resolve(file), ...(found === undefined ? {} : { found }), valid: faults.length === 0 },
  });
  return 0;
};

async function list({ output }: CommandContext): Promise<0> {
  const examples = await listExamples();
  const rows = examples.map(({ name, about }) => [name, about]);
  const columns = [{ title: "example" }, { title: "", shrink: true }];
  output.result({ text: table(columns, rows, output.width), json: examples });
  return 0;
}

/** Never in the place of a file that is there, whatever it holds. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o644 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST")
      throw new RefusedError(
        `${file} is there already and is left as it is: name another file with --config, or remove it`,
      );
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${file} cannot be written: ${reason}`, { cause: error });
  }
}

/** Of an example: what it refers to that is not here. */
async function faultsOf(file: string, env: NodeJS.ProcessEnv): Promise<ConfigError["faults"]> {
  try {
    await loadConfig(file, { env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

function foundText({ checkouts, githubToken, docker, mongodb, aws }: Found): string {
  const parts = [
    checkouts.length === 0 ? "" : formatCount(checkouts.length, "git checkout"),
    githubToken ? "GITHUB_TOKEN" : "",
    docker ? "a Docker Engine" : "",
    mongodb === undefined ? "" : `MongoDB on port ${mongodb}`,
    aws ? "AWS credentials" : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "nothing but files" : parts.join(", ");
}

function ownTimezone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return isTimezone(timeZone) ? timeZone : "UTC";
}
