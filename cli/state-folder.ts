import { join } from "node:path";

/** Where programs keep what is theirs: as systemd says (`StateDirectory=`), or else as the XDG base directories have it. */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const [given] = (env.STATE_DIRECTORY ?? "").split(":");
  if (given) return given;
  const home = env.XDG_STATE_HOME || (env.HOME && join(env.HOME, ".local", "state"));
  return home ? join(home, "core-backup") : undefined;
}
