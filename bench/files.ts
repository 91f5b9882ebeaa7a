import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { type BenchLine, benchLine, forInformation, median } from "./line.ts";
import { writeMixedFiles } from "./mixed-files.ts";
import type { Stored } from "./store-unit.ts";

const TOTAL_BYTES = 1024 * 1024 * 1024;
const SMALL_FILES = 20_000;
const ROUNDS = 5;
const CHECKOUT = path.join(import.meta.dirname, "..");

/**
 * 1 GiB of mixed files, stored as a run stores a unit, against the shell's pipe with the same level of zstd, a digest
 * and a sync. Both read the files from the page cache and write to the same disk; rounds take turns.
 */
export async function benchFiles(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  try {
    const source = path.join(folder, "source");
    console.error(`files: making ${SMALL_FILES} small files and some large ones`);
    writeMixedFiles(source, TOTAL_BYTES, SMALL_FILES);
    const store = () => storeUnit(source, path.join(folder, "store"));
    const pipe = () => shellPipe(source, path.join(folder, "pipe"));
    const run = () => wholeRun(source, path.join(folder, "run"));
    execFileSync("sync");
    store();
    pipe();
    const times: Record<"store" | "pipe" | "run", number[]> = { store: [], pipe: [], run: [] };
    for (let round = 1; round <= ROUNDS; round += 1) {
      times.pipe.push(pipe());
      times.store.push(store());
      times.run.push(run());
      console.error(
        `files: round ${round} of ${ROUNDS}: pipe ${last(times.pipe)} s, ours ${last(times.store)} s, a whole run with its proof ${last(times.run)} s`,
      );
    }
    const theirs = median(times.pipe);
    return [
      benchLine("files: time, to the pipe's", { ours: median(times.store), theirs, unit: "s" }, { atMost: 1.15 }),
      forInformation(
        benchLine(
          "files: whole run with proof, to the pipe's",
          { ours: median(times.run), theirs, unit: "s" },
          { atMost: Infinity },
        ),
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function storeUnit(source: string, store: string): number {
  const script = path.join(CHECKOUT, "bench/store-unit.ts");
  const output = execFileSync(process.execPath, [script, "filesystem", JSON.stringify({ paths: [source] }), store], {
    encoding: "utf8",
  });
  rmSync(store, { recursive: true });
  const { seconds }: Stored = JSON.parse(output);
  return seconds;
}

function shellPipe(source: string, folder: string): number {
  mkdirSync(folder);
  const script = 'tar -c . | zstd -q -3 | tee "$0/files.tar.zst" | sha256sum >"$0/sum" && sync "$0/files.tar.zst" "$0"';
  const seconds = timed(() => execFileSync("bash", ["-o", "pipefail", "-c", script, folder], { cwd: source }));
  rmSync(folder, { recursive: true });
  return seconds;
}

/** From the first to the last byte of the process: list, collect, finish, verify, prove, prune. */
function wholeRun(source: string, folder: string): number {
  mkdirSync(folder);
  const config = path.join(folder, "core-backup.yml");
  const job = { name: "bench", service: "filesystem", target_storage: "here", options: { paths: [source] } };
  const storage = { here: { type: "filesystem", base_path: path.join(folder, "store") } };
  writeFileSync(config, JSON.stringify({ jobs: [job], storage }));
  const main = path.join(CHECKOUT, "cli/main.ts");
  const seconds = timed(() =>
    execFileSync(process.execPath, [main, "run", "--config", config], { stdio: ["ignore", "ignore", "pipe"] }),
  );
  rmSync(folder, { recursive: true });
  return seconds;
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

const last = (times: readonly number[]) => times.at(-1)?.toFixed(2) ?? "";
