import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { startGitServer } from "../test/support/git-server.ts";
import { writeHistory } from "./git-history.ts";
import { type BenchLine, benchLine, lineText, median } from "./line.ts";

const COMMITS = 40_000;
const ROUNDS = 3;
const MiB = 1024 * 1024;

/** What one way of backing up took, as the client's shell saw it: all processes that it started, nothing of the server's. */
interface Taken {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly diskMiB: number;
}

/**
 * One repository over smart HTTP (`git http-backend`), stored as a run stores a unit, read back and with digests,
 * against `git clone --mirror` and `git bundle create`. Both start as new processes; rounds take turns.
 */
export async function benchGit(): Promise<readonly BenchLine[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`git: making a repository of ${COMMITS} commits`);
    await writeHistory(path.join(folder, "served", "app.git"), COMMITS);
    await using server = await startGitServer(path.join(folder, "served"));
    const url = `${server.url}/app.git`;
    const ways = { ours: () => store(url, folder), theirs: () => cloneAndBundle(url, folder) };
    // Once unmeasured, so that no side pays for reading the repository from the disk.
    await ways.ours();
    await ways.theirs();
    const taken: Record<keyof typeof ways, Taken[]> = { ours: [], theirs: [] };
    for (let round = 1; round <= ROUNDS; round += 1) {
      taken.theirs.push(await ways.theirs());
      taken.ours.push(await ways.ours());
      console.error(
        `git: round ${round} of ${ROUNDS}: clone and bundle ${shown(taken.theirs)}, ours ${shown(taken.ours)}`,
      );
    }
    return lines(taken.ours, taken.theirs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lines(ours: readonly Taken[], theirs: readonly Taken[]): readonly BenchLine[] {
  const figures = (field: keyof Taken, unit: string) => {
    return { ours: median(ours.map((one) => one[field])), theirs: median(theirs.map((one) => one[field])), unit };
  };
  const seconds = figures("seconds", "s");
  const faster = seconds.theirs / seconds.ours;
  return [
    { name: "git: time, faster by", ...seconds, ratio: faster, want: ">= 3x", ok: faster >= 3 },
    benchLine("git: cpu of the client", figures("cpuSeconds", "s"), { atMost: 0.2 }),
    // Ours is the artifact itself and nothing beside it; theirs needs the clone as well.
    benchLine("git: disk used", figures("diskMiB", "MiB"), { atMost: 0.6 }),
  ];
}

/** With Node's compile cache, for a checkout has its types stripped at each start and an installed package has not. */
function store(url: string, folder: string): Promise<Taken> {
  const script = path.join(import.meta.dirname, "store-unit.ts");
  const options = JSON.stringify({ repositories: [url] });
  const cache = path.join(folder, "compile-cache");
  return timed(
    path.join(folder, "ours"),
    (out) => `NODE_COMPILE_CACHE='${cache}' '${process.execPath}' '${script}' git '${options}' '${out}' >/dev/null`,
  );
}

function cloneAndBundle(url: string, folder: string): Promise<Taken> {
  return timed(
    path.join(folder, "theirs"),
    (out) =>
      `mkdir '${out}' && cd '${out}' && git clone -q --mirror '${url}' app.git && git -C app.git bundle create -q ../app.bundle --all`,
  );
}

/** bash's `time` counts a command with all that it started and waited for. */
async function timed(out: string, command: (out: string) => string): Promise<Taken> {
  const child = spawn("bash", ["-c", `TIMEFORMAT='%R %U %S'; time { ${command(out)}; }`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, "close");
  const [seconds, user, system] = stderr.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  if (code !== 0 || seconds === undefined || user === undefined || system === undefined) throw new Error(stderr);
  const diskMiB = (await bytesUnder(out)) / MiB;
  await rm(out, { recursive: true, force: true });
  return { seconds, cpuSeconds: user + system, diskMiB };
}

async function bytesUnder(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true })) total += (await lstat(path.join(folder, entry))).size;
  return total;
}

const shown = (taken: readonly Taken[]): string => {
  const { seconds, cpuSeconds } = taken.at(-1) ?? { seconds: 0, cpuSeconds: 0 };
  return `${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s cpu)`;
};

if (import.meta.main) for (const line of await benchGit()) console.log(lineText(line));
