import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import process from "node:process";
import { limitFiles } from "./file-limit.ts";

/**
 * Runs the tests with Node's own runner: all of them, or
 * - `npm test test/unit/keys.test.ts`, `npm test test/e2e`: those files, everything below that folder
 * - `npm test "a stream that"`: those whose title holds that (a regular expression)
 * - `npm test -- --test-only`: any option of `node --test`
 *
 * A file that hangs is ended after a quarter of an hour: the longest takes some minutes.
 *
 * What Node compiles is kept in node_modules/.cache, for all of the processes: a test file and each command line that it
 * starts load some hundreds of modules, and stripping their types takes longer than most of them run.
 */

const FILE_LIMIT_MS = 15 * 60_000;
const LOOK_MS = 10_000;

const ROOT = path.join(import.meta.dirname, "..");
const COMPILED = path.join(ROOT, "node_modules/.cache/compiled");
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith("-"));
const files = args.filter((arg) => !arg.startsWith("-") && isPath(arg)).map(pattern);
const titles = args
  .filter((arg) => !arg.startsWith("-") && !isPath(arg))
  .map((title) => `--test-name-pattern=${title}`);

const runner = spawn(
  process.execPath,
  [
    "--test",
    "--test-reporter=spec",
    // One more than there are processors: most files wait some of their time, for a server, a disk or a process to end.
    `--test-concurrency=${availableParallelism() + 1}`,
    ...options,
    ...titles,
    ...(files.length === 0 ? ["test/**/*.test.ts"] : files),
  ],
  { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, NODE_COMPILE_CACHE: COMPILED } },
);
if (runner.pid !== undefined)
  limitFiles({
    ...{ runner: runner.pid, limitMs: FILE_LIMIT_MS, everyMs: LOOK_MS },
    say: (text) => process.stderr.write(text),
  });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => runner.kill(signal));
runner.on("close", (code) => {
  process.exitCode = code ?? 1;
});

function isPath(arg: string): boolean {
  return arg.endsWith(".ts") || existsSync(path.join(ROOT, arg));
}

function pattern(file: string): string {
  const isFolder = existsSync(path.join(ROOT, file)) && statSync(path.join(ROOT, file)).isDirectory();
  return isFolder ? path.join(file, "**/*.test.ts") : file;
}
