import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { startGitServer } from "../test/support/git-server.ts";
import { writeHistory } from "./git-history.ts";
import { type BenchLine, benchLine, lineText, median } from "./line.ts";

const COMMITS = 40_000;
const ROUNDS = 3;
const MiB = 1024 * 1024;
const LOOK_EVERY_MS = 20;

/** What one way of backing up took, as the client's shell saw it: all processes that it started, nothing of the server's. */
interface Taken {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The most that lay on the disk at one time, temporary files included, less the bundle that was asked for. */
  readonly spoolMiB: number;
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
    spoolLine(figures("spoolMiB", "MiB")),
  ];
}

/** The plan and the folders of a store take some bytes; a spool file would take megabytes. */
function spoolLine(spool: { readonly ours: number; readonly theirs: number; readonly unit: string }): BenchLine {
  const name = "git: disk beside the stored bundle";
  return { name, ...spool, ratio: spool.ours / spool.theirs, want: "none", ok: spool.ours < 0.1 };
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
  const temporary = `${out}-temporary`;
  await mkdir(temporary);
  const child = spawn("bash", ["-c", `TIMEFORMAT='%R %U %S'; time { ${command(out)}; }`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const closed = once(child, "close");
  const peakBytes = await peakWhile(closed, [out, temporary]);
  const [code] = await closed;
  const [seconds, user, system] = stderr.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  if (code !== 0 || seconds === undefined || user === undefined || system === undefined) throw new Error(stderr);
  const spoolMiB = (peakBytes - (await bytesUnder(out, ".bundle"))) / MiB;
  for (const folder of [out, temporary]) await rm(folder, { recursive: true, force: true });
  return { seconds, cpuSeconds: user + system, spoolMiB };
}

async function peakWhile(ended: Promise<unknown>, folders: readonly string[]): Promise<number> {
  let running = true;
  const stop = ended.finally(() => {
    running = false;
  });
  let peak = 0;
  for (let last = false; !last; ) {
    // The last look is at what stays.
    last = !running;
    const sizes = await Promise.all(folders.map((folder) => bytesUnder(folder)));
    peak = Math.max(
      peak,
      sizes.reduce((total, size) => total + size, 0),
    );
    if (!last) await Promise.race([stop, delay(LOOK_EVERY_MS)]);
  }
  return peak;
}

/** What appears or vanishes meanwhile counts as nothing. */
async function bytesUnder(folder: string, ending = ""): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true }).catch(() => [])) {
    if (!entry.endsWith(ending)) continue;
    const stats = await lstat(path.join(folder, entry)).catch(() => undefined);
    if (stats?.isFile() === true) total += stats.size;
  }
  return total;
}

const shown = (taken: readonly Taken[]): string => {
  const { seconds, cpuSeconds } = taken.at(-1) ?? { seconds: 0, cpuSeconds: 0 };
  return `${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s cpu)`;
};

if (import.meta.main) for (const line of await benchGit()) console.log(lineText(line));
