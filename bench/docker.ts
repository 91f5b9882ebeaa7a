import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { type DockerEngine, dockerMissing, startDockerEngine } from "../test/support/docker-engine.ts";
import { type BenchLine, benchLine, median } from "./line.ts";
import { writeMixedFiles } from "./mixed-files.ts";
import type { Stored } from "./store-unit.ts";

const TOTAL_BYTES = 256 * 1024 * 1024;
const SMALL_FILES = 3_000;
const ROUNDS = 3;
const CHECKOUT = path.join(import.meta.dirname, "..");
const IMAGE = "core-backup-test/busybox:1";

/**
 * A volume of mixed files, stored as a run stores a unit, against what people do by hand (`docker run … tar`, the same
 * level of zstd, a digest and a sync) and against restic, which is given the volume's own folder: it stands in for
 * offen/docker-volume-backup, the tool that is used most, whose module the Go proxy does not serve. All begin with the
 * files in the page cache; rounds take turns.
 */
export async function benchDocker(): Promise<readonly BenchLine[]> {
  const missing = dockerMissing();
  if (missing !== false) throw new Error(`the benchmark needs an Engine: ${missing}`);
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-docker-"));
  const engine = await startDockerEngine();
  try {
    await engine.docker("volume", "create", "bench");
    const source = await engine.folderOf("bench");
    console.error(`docker: making a volume of ${TOTAL_BYTES / 2 ** 20} MiB`);
    writeMixedFiles(source, TOTAL_BYTES, SMALL_FILES);
    execFileSync("sync");
    return measured(engine, source, folder);
  } finally {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Took {
  readonly seconds: number;
  /** All that lies on the disk at the end; of ours all that was written to it, so that a spool file would show. */
  readonly bytes: number;
}

function measured(engine: DockerEngine, source: string, folder: string): readonly BenchLine[] {
  const sides = {
    engine: () => ours(engine, "engine", path.join(folder, "ours")),
    host: () => ours(engine, "auto", path.join(folder, "ours")),
    run: () => dockerRun(engine, path.join(folder, "run")),
    restic: () => restic(source, path.join(folder, "restic")),
  };
  const names = Object.keys(sides) as (keyof typeof sides)[];
  const took: Record<keyof typeof sides, Took[]> = { engine: [], host: [], run: [], restic: [] };
  for (const name of names) sides[name]();
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of names) took[name].push(sides[name]());
    const shown = names.map((name) => `${name} ${took[name].at(-1)?.seconds.toFixed(2)} s`).join(", ");
    console.error(`docker: round ${round} of ${ROUNDS}: ${shown}`);
  }
  const seconds = (name: keyof typeof sides) => median(took[name].map((one) => one.seconds));
  const mebibytes = (name: keyof typeof sides) => median(took[name].map((one) => one.bytes)) / 2 ** 20;
  const line = (name: string, side: keyof typeof sides, rival: keyof typeof sides) =>
    benchLine(name, { ours: seconds(side), theirs: seconds(rival), unit: "s" }, { atMost: 1 });
  const disk = { ours: mebibytes("engine"), theirs: mebibytes("run"), unit: "MiB" };
  return [
    line("docker: read by the Engine, to docker run tar", "engine", "run"),
    line("docker: read by tar, to docker run tar", "host", "run"),
    line("docker: read by the Engine, to restic", "engine", "restic"),
    line("docker: read by tar, to restic", "host", "restic"),
    benchLine("docker: written to the disk, to the archive of docker run tar alone", disk, { atMost: 1.05 }),
  ];
}

function ours(engine: DockerEngine, read: string, store: string): Took {
  const options = { host: engine.host, volumes: "bench", read };
  const script = path.join(CHECKOUT, "bench/store-unit.ts");
  const output = execFileSync(process.execPath, [script, "docker_volume", JSON.stringify(options), store], {
    encoding: "utf8",
  });
  const { seconds, writtenBytes }: Stored = JSON.parse(output);
  const { bytes } = ended(store, seconds);
  return { seconds, bytes: Math.max(bytes, writtenBytes) };
}

function dockerRun(engine: DockerEngine, folder: string): Took {
  mkdirSync(folder);
  const script =
    `docker --host "$1" run --rm --network none --volume bench:/v:ro ${IMAGE} /bin/busybox tar -c -C /v . ` +
    '| zstd -q -3 | tee "$0/volume.tar.zst" | sha256sum >"$0/sum" && sync "$0/volume.tar.zst" "$0"';
  return ended(
    folder,
    timed(() => execFileSync("bash", ["-o", "pipefail", "-c", script, folder, engine.host])),
  );
}

/** With a repository of its own each time: what it stores a second time costs it nothing. */
function restic(source: string, folder: string): Took {
  const env = {
    ...process.env,
    RESTIC_PASSWORD: "bench",
    RESTIC_REPOSITORY: folder,
    RESTIC_CACHE_DIR: `${folder}/cache`,
  };
  execFileSync("restic", ["init", "--quiet"], { env });
  return ended(
    folder,
    timed(() => execFileSync("restic", ["backup", "--quiet", source], { env })),
  );
}

function ended(folder: string, seconds: number): Took {
  const bytes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + statSync(path.join(entry.parentPath, entry.name)).size, 0);
  rmSync(folder, { recursive: true });
  return { seconds, bytes };
}

function timed(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}
