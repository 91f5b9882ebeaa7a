import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { startGitServer } from "../test/support/git-server.ts";
import { type BenchLine, benchLine, median } from "./line.ts";
import { writeMixedFiles } from "./mixed-files.ts";
import { writeRandomRepository } from "./random-repository.ts";
import type { Stored } from "./store-unit.ts";

const MiB = 1024 * 1024;
const SIZES = [100 * MiB, 1000 * MiB] as const;
const ROUNDS = 3;
const LIMIT_MIB = 250;
/** A process that reads ten times as much may touch a few more pages, not ten times as many. */
const FLAT = 1.25;

/** The peak memory of a process that stores a unit, at two sizes ten times apart; of what it starts, nothing. */
export async function benchMemory(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  try {
    return [...(await ofFiles(folder)), ...(await ofGit(folder))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ofFiles(folder: string): Promise<readonly BenchLine[]> {
  const peaks: number[] = [];
  for (const size of SIZES) {
    const source = path.join(folder, `files-${size}`);
    writeMixedFiles(source, size, (20_000 * size) / SIZES[1]);
    peaks.push(await peakOf("filesystem", { paths: [source] }, folder));
  }
  return lines("files", peaks);
}

/** One commit of random files: a pack is as large as what it holds, and that is what has to stream. */
async function ofGit(folder: string): Promise<readonly BenchLine[]> {
  await using server = await startGitServer(folder);
  const ofHttp: number[] = [];
  const ofFolder: number[] = [];
  for (const size of SIZES) {
    const name = `git-${size}.git`;
    await writeRandomRepository(path.join(folder, name), size);
    ofHttp.push(await peakOf("git", { repositories: [`${server.url}/${name}`] }, folder));
    ofFolder.push(await peakOf("git", { repositories: [path.join(folder, name)] }, folder));
  }
  return [...lines("git over HTTP", ofHttp), ...lines("git of a folder", ofFolder)];
}

function lines(name: string, [small = 0, large = 0]: readonly number[]): readonly BenchLine[] {
  const [smallSize, largeSize] = SIZES;
  const inMiB = (bytes: number) => bytes / MiB;
  const figures = { ours: inMiB(large), theirs: inMiB(small), unit: "MiB" };
  const flat = benchLine(`${name}: peak memory at ${largeSize / MiB} MiB, to that at ${smallSize / MiB} MiB`, figures, {
    atMost: FLAT,
  });
  const bounded = inMiB(large) < LIMIT_MIB;
  return [{ ...flat, want: `${flat.want} and < ${LIMIT_MIB} MiB`, ok: flat.ok && bounded }];
}

/** When memory is given back is the collector's choice, so one run says little. */
async function peakOf(service: string, options: object, folder: string): Promise<number> {
  const store = path.join(folder, "store");
  const script = path.join(import.meta.dirname, "store-unit.ts");
  const peaks: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Not execFileSync: the git server runs in this process.
    const { stdout } = await promisify(execFile)(process.execPath, [script, service, JSON.stringify(options), store]);
    rmSync(store, { recursive: true });
    const { peakBytes, seconds, sourceBytes }: Stored = JSON.parse(stdout);
    peaks.push(peakBytes);
    const [size, peak] = [sourceBytes / MiB, peakBytes / MiB].map((value) => value.toFixed(0));
    console.error(`memory: ${service} of ${size} MiB: ${peak} MiB in ${seconds.toFixed(1)} s`);
  }
  return median(peaks);
}
