import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import type { GithubServer } from "../test/support/github-server.ts";

/** What a program took, with all that it started and waited for, and nothing of the server's. */
export interface Taken {
  readonly seconds: number;
  /** All that the API was asked, and what of it counts against GitHub's limit: an answer of 304 does not. */
  readonly requests: number;
  readonly paid: number;
  /** Those of git, which GitHub counts in no limit of the API. */
  readonly gitRequests: number;
  readonly cpuSeconds: number;
  /** What lies under `output` afterwards. */
  readonly diskBytes: number;
}

/** Runs a program against the server, with a token in `BENCH_TOKEN`. It has to end with exit code 0. */
export async function measured(
  server: GithubServer,
  command: readonly [program: string, ...args: string[]],
  { output, env }: { readonly output: string; readonly env: Readonly<Record<string, string>> },
): Promise<Taken> {
  server.requests.length = 0;
  const seenBefore = server.git.seen.length;
  // bash's `time` counts a command with all that it started and waited for.
  const child = spawn("bash", ["-c", `TIMEFORMAT='%R %U %S'; time "$@"`, "bash", ...command], {
    env: { ...process.env, BENCH_TOKEN: "bench", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = (said + String(chunk)).slice(-2_000);
  });
  const [code] = await once(child, "close");
  const [seconds, user, system] = said.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  if (code !== 0 || seconds === undefined || user === undefined || system === undefined)
    throw new Error(`${command[0]} ended with exit code ${code}: ${said}`);
  const { requests } = server;
  return {
    seconds,
    cpuSeconds: user + system,
    diskBytes: await bytesUnder(output),
    requests: requests.length,
    paid: requests.filter(({ status }) => status !== 304).length,
    gitRequests: server.git.seen.length - seenBefore - requests.length,
  };
}

/** `core-backup run` of a configuration. As in the benchmark of git: a checkout has its types stripped at each start, and an installed package has not. */
export function measuredRun(server: GithubServer, folder: string, config: string, store: string): Promise<Taken> {
  return measured(
    server,
    [process.execPath, path.join(import.meta.dirname, "../cli/main.ts"), "run", "--config", config],
    { output: store, env: { NODE_COMPILE_CACHE: path.join(folder, "compile-cache") } },
  );
}

/** python-github-backup on PATH, or where it is told to be. */
export const GITHUB_BACKUP = process.env.CORE_BACKUP_BENCH_GITHUB_BACKUP ?? "github-backup";

async function bytesUnder(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) total += (await lstat(path.join(entry.parentPath, entry.name))).size;
  return total;
}

export const shown = ({ seconds, requests, paid, gitRequests }: Taken): string =>
  `${seconds.toFixed(1)} s, ${requests} requests, ${paid} that count, ${gitRequests} of git`;
