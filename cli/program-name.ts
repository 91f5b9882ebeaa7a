import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { shellWord } from "../lib/shell-word.ts";

const NAME = "core-backup";

/** What to type to start this program again from the same folder, so that printed commands work when pasted. */
export function programName(env: NodeJS.ProcessEnv, folder: string): string {
  const startedByNpm = env.npm_command !== undefined;
  if (startedByNpm) return `npx ${NAME}`;
  if ((env.PATH ?? "").split(delimiter).some((one) => one !== "" && isExecutable(join(one, NAME)))) return NAME;
  const home = packageFolder(import.meta.dirname);
  const inside = !relative(home, folder).startsWith("..");
  return inside ? `npx ${NAME}` : shellWord(join(home, "bin", `${NAME}.js`));
}

/** Of the sources or of what was built from them: that lies a folder deeper. */
function packageFolder(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : packageFolder(dirname(folder));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
