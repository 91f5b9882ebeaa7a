import type { Command } from "../command.ts";
import { loadedConfig } from "../session.ts";

/** `__complete jobs`, for the completion scripts: the jobs' names, and nothing for a configuration that is wrong. */
export const completeCommand: Command = async (context) => {
  if (context.argument !== "jobs") return 0;
  const names = await loadedConfig(context, { sources: false }).then(
    ({ jobs }) => jobs.map(({ name }) => name),
    () => [],
  );
  context.output.result({ text: names.map((name) => `${name}\n`).join(""), json: names });
  return 0;
};
