import type { Command } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { UsageError } from "../usage-error.ts";

/** Made from the table of commands. Names of jobs are asked of the program while someone types. */
export const completionCommand: Command = async ({ argument = "", output }) => {
  const text = script(argument);
  output.result({ text, json: { shell: argument, script: text } });
  return 0;
};

function script(shell: string): string {
  switch (shell) {
    case "bash":
      return bashCompletion();
    case "zsh":
      return zshCompletion();
    case "fish":
      return fishCompletion();
    default:
      throw new UsageError(`there is no completion for ${shell}; there is for bash, zsh and fish`);
  }
}
