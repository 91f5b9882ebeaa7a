import { spawnSync } from "node:child_process";

/** Of Prometheus: Debian's package `prometheus` has it. */
const PROGRAM = process.env.CORE_BACKUP_TEST_PROMTOOL ?? "promtool";

const isThere = spawnSync(PROGRAM, ["--version"]).error === undefined;

/** Why tests with promtool are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noPromtool: string | false =
  isThere || process.env.CI !== undefined ? false : "no promtool: it comes with Prometheus";

/** What it says, and its exit code. */
export function promtool(
  args: readonly string[],
  input = "",
): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(PROGRAM, [...args], { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { code: status, output: `${stdout}${stderr}` };
}
