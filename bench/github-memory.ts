import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { addRepository } from "../test/support/github-organization.ts";
import { type GithubServer, startGithub } from "../test/support/github-server.ts";
import { type BenchLine, benchLine, forInformation, lineText } from "./line.ts";
import { type PeakMemory, peakMemory } from "./process-memory.ts";
import { writeRandomRepository } from "./random-repository.ts";

const MiB = 1024 * 1024;
const SIZES_MIB = [1_000, 10_000] as const;
/** A process that reads ten times as much may touch a few more pages, not ten times as many. */
const FLAT = 1.25;
const LIMIT_MIB = 250;
/** Served, stored, and twice in the folder of the proof. */
const COPIES = 4.2;

/**
 * The peak memory of `core-backup run` on one repository at GitHub, git and all default kinds, LFS pointers looked for in it, and proved with git afterwards: its own, and that of
 * the git processes that it starts. At two sizes, `node bench/github-memory.ts MIB MIB`, of which the second takes 42 GiB of disk if it is not said.
 */
export async function benchGithubMemory(sizes: readonly number[] = SIZES_MIB): Promise<readonly BenchLine[]> {
  await roomFor(Math.max(...sizes) * MiB * COPIES);
  const peaks: PeakMemory[] = [];
  for (const size of sizes) peaks.push(await peakOf(size));
  const [small, large] = peaks;
  return small === undefined || large === undefined ? [] : lines(small, large, sizes);
}

function lines(small: PeakMemory, large: PeakMemory, [smallSize = 0, largeSize = 0]: readonly number[]): BenchLine[] {
  const line = (whose: string, of: (peak: PeakMemory) => number) =>
    benchLine(
      `github: peak memory ${whose}, at ${largeSize} MiB, to that at ${smallSize} MiB`,
      { ours: of(large) / MiB, theirs: of(small) / MiB, unit: "MiB" },
      { atMost: FLAT },
    );
  return [
    bounded(line("of a run with its proof", ({ own }) => own)),
    // git keeps some bytes for each object, so that it is not flat to the letter.
    underLimit(line("of its git processes together", ({ below }) => below)),
    forInformation(line("of these, with pages of files that the kernel may take back", (peak) => peak.belowWithFiles)),
  ];
}

const bounded = (line: BenchLine): BenchLine => ({
  ...line,
  want: `${line.want} and < ${LIMIT_MIB} MiB`,
  ok: line.ok === true && line.ours < LIMIT_MIB,
});

const underLimit = (line: BenchLine): BenchLine => ({ ...line, want: `< ${LIMIT_MIB} MiB`, ok: line.ours < LIMIT_MIB });

async function peakOf(size: number): Promise<PeakMemory> {
  const folder = await mkdtemp(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`github-memory: making a repository of ${size} MiB`);
    const served = path.join(folder, "served");
    await writeRandomRepository(path.join(served, "bench/large.git"), size * MiB);
    await using server = await startGithub(served);
    server.anyToken = true;
    // GitHub tells it in KiB. From a gigabyte on, git is a unit of its own.
    await addRepository(server, "large", { owner: "bench", object: { size: size * 1024 } });
    const began = performance.now();
    const peak = await run(server, folder);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const [own, below, withFiles] = [peak.own, peak.below, peak.belowWithFiles].map((bytes) =>
      (bytes / MiB).toFixed(0),
    );
    console.error(
      `github-memory: ${size} MiB in ${seconds} s: ${own} MiB, git ${below} MiB, ${withFiles} MiB with files`,
    );
    return peak;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(server: GithubServer, folder: string): Promise<PeakMemory> {
  const temporary = path.join(folder, "temporary");
  await mkdir(temporary);
  const config = path.join(folder, "bench.yml");
  await writeFile(config, configuration(server, path.join(folder, "store")));
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, "../cli/main.ts"), "run", "--quiet", "--config", config],
    { env: { ...process.env, BENCH_TOKEN: "bench", TMPDIR: temporary }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const closed = once(child, "close");
  const peak = await peakMemory(child.pid ?? 0, closed);
  const [code] = await closed;
  if (code !== 0) throw new Error(`core-backup run ended with exit code ${code}`);
  return peak;
}

const configuration = ({ apiUrl, webUrl }: GithubServer, store: string): string => `jobs:
  - name: bench
    service: github
    options:
      repositories: [bench/large]
      api_url: ${apiUrl}
      web_url: ${webUrl}
      token_env: BENCH_TOKEN
storage:
  local: { type: filesystem, base_path: ${store} }
`;

async function roomFor(bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  if (bavail * bsize < bytes)
    throw new Error(`github-memory: it takes ${Math.ceil(bytes / 2 ** 30)} GiB in ${tmpdir()}`);
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  for (const line of await benchGithubMemory(sizes.length === 0 ? undefined : sizes)) console.log(lineText(line));
}
