import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { build } from "esbuild";
import { NODE_BUNDLE } from "../infra/node-bundle.ts";
import { connect, createS3Client } from "../lib/storage/s3/client.ts";
import { type S3Server, startVersitygw } from "../test/support/s3-server.ts";
import { type BenchLine, benchLine, median } from "./line.ts";
import type { Transferred } from "./s3-transfer.ts";

const run = promisify(execFile);
const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const ROUNDS = 3;
const BUCKET = "bench";
const FLAT = 1.25;
const LIMIT_MIB = 250;
/** The server holds 8 GiB twice while it puts them together of their parts. */
const DISK_BYTES = 22 * GiB;

/**
 * One object of 1 GiB up and down, in turn with rclone, the one S3 client that we compared with, with pieces and connections as we use them, on the same versitygw, whole processes; then the peak memory, as the
 * kernel counts it, of an upload and a download of 1 and of 8 GiB. We take SHA-256 of all that passes, so a download is
 * compared with `rclone cat | openssl dgst -sha256`, the fastest there is to do both (coreutils' `sha256sum` takes
 * three times as long), and with `rclone cat` alone, which looks at nothing and need not touch the bytes: no reader that takes SHA-256 reaches that.
 */
export async function benchS3(): Promise<readonly BenchLine[]> {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < DISK_BYTES) throw new Error(`s3: it takes ${DISK_BYTES / GiB} GiB of disk in ${tmpdir()}`);
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  await using server = await startVersitygw({ manyParts: true });
  try {
    await makeBucket(server);
    const file = path.join(folder, "1GiB.bin");
    execFileSync("sh", ["-c", `head -c ${GiB} /dev/urandom >"$0"`, file]);
    const ours = oursOn(server, await bundled(folder));
    return [...(await throughput(server, ours, file)), ...(await memory(ours))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One file of JavaScript, as functions on AWS are: who installs the package waits for no types to be stripped either. */
async function bundled(folder: string): Promise<string> {
  const outfile = path.join(folder, "s3-transfer.mjs");
  await build({
    ...NODE_BUNDLE,
    entryPoints: [path.join(import.meta.dirname, "s3-transfer.ts")],
    outfile,
  });
  return outfile;
}

type Ours = (action: "put" | "get", key: string, source?: string) => Promise<Transferred>;

async function throughput(server: S3Server, ours: Ours, file: string): Promise<readonly BenchLine[]> {
  const took = {
    up: { ours: [], theirs: [] },
    down: { ours: [], theirs: [] },
    coreutils: { ours: [], theirs: [] },
    alone: { ours: [], theirs: [] },
  } as Record<"up" | "down" | "coreutils" | "alone", { ours: number[]; theirs: number[] }>;
  for (let round = 1; round <= ROUNDS; round += 1) {
    took.up.ours.push(await seconds(() => ours("put", "ours.bin", file)));
    took.up.theirs.push(await seconds(() => rclone(server, ["copyto", file, `bench:${BUCKET}/theirs.bin`])));
    const down = await seconds(() => ours("get", "ours.bin"));
    for (const each of [took.down, took.coreutils, took.alone]) each.ours.push(down);
    const cat = ["cat", `bench:${BUCKET}/theirs.bin`];
    took.down.theirs.push(await seconds(() => rclone(server, cat, "openssl dgst -sha256")));
    took.coreutils.theirs.push(await seconds(() => rclone(server, cat, "sha256sum")));
    took.alone.theirs.push(await seconds(() => rclone(server, cat)));
    const last = Object.values(took).flatMap((each) => [each.ours.at(-1), each.theirs.at(-1)]);
    const sides = "up, rclone; down, rclone | openssl; down, rclone | sha256sum; down, rclone";
    console.error(`s3: round ${round}: ${sides}: ${last.map((time) => time?.toFixed(1)).join(" ")} s`);
  }
  const line = (name: string, { ours: own, theirs }: { ours: number[]; theirs: number[] }) => {
    const rates = { ours: GiB / MiB / median(own), theirs: GiB / MiB / median(theirs), unit: "MiB/s" };
    return benchLine(`s3: ${name}`, rates, { atLeast: 0.9 });
  };
  return [
    line("upload of 1 GiB with SHA-256, to `rclone copyto`", took.up),
    line("download of 1 GiB with SHA-256, to `rclone cat | openssl dgst -sha256`", took.down),
    line("download of 1 GiB with SHA-256, to `rclone cat | sha256sum`", took.coreutils),
    line("download with SHA-256, to `rclone cat` that looks at nothing", took.alone),
  ];
}

async function memory(ours: Ours): Promise<readonly BenchLine[]> {
  const peaks = { put: [] as number[], get: [] as number[] };
  for (const size of [GiB, 8 * GiB]) {
    for (const action of ["put", "get"] as const) {
      const { bytes, peakBytes } = await ours(action, "memory.bin", `${size}`);
      if (bytes !== size) throw new Error(`${bytes} of ${size} bytes passed`);
      console.error(`s3: ${action} of ${size / GiB} GiB: peak ${(peakBytes / MiB).toFixed(0)} MiB`);
      peaks[action].push(peakBytes / MiB);
    }
  }
  return [flatLine("uploading", peaks.put), flatLine("downloading", peaks.get)];
}

function flatLine(name: string, [small = 0, large = 0]: readonly number[]): BenchLine {
  const figures = { ours: large, theirs: small, unit: "MiB" };
  const flat = benchLine(`s3: peak memory ${name} 8 GiB, to that at 1 GiB`, figures, { atMost: FLAT });
  return { ...flat, want: `${flat.want} and < ${LIMIT_MIB} MiB`, ok: flat.ok && large < LIMIT_MIB };
}

function oursOn(server: S3Server, script: string): Ours {
  const env = {
    ENDPOINT: server.endpoint,
    BUCKET,
    KEY_ID: server.credentials.accessKeyId,
    SECRET: server.credentials.secretAccessKey,
  };
  return async (action, key, source = "") => {
    const { stdout } = await run(process.execPath, [script, action, key, source], { env });
    return JSON.parse(stdout);
  };
}

/** versitygw answers `Expect: 100-continue` late, and without this flag rclone waits for it with each part. */
async function rclone(server: S3Server, args: readonly string[], into?: string): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: tmpdir(),
    RCLONE_CONFIG_BENCH_TYPE: "s3",
    RCLONE_CONFIG_BENCH_PROVIDER: "Other",
    RCLONE_CONFIG_BENCH_ENDPOINT: server.endpoint,
    RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: server.credentials.accessKeyId,
    RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
  // --ignore-times: it would pass over a file that is there already.
  const flags = [
    "--ignore-times",
    "--s3-no-check-bucket",
    "--s3-chunk-size",
    "8M",
    "--s3-upload-concurrency",
    "4",
    "--expect-continue-timeout",
    "10ms",
  ];
  const command = ["rclone", ...flags, ...args].map((word) => `'${word}'`).join(" ");
  const pipe = into === undefined ? "" : `| ${into}`;
  await run("bash", ["-o", "pipefail", "-c", `${command} ${pipe} >/dev/null`], { env });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function makeBucket({ endpoint, region, credentials }: S3Server): Promise<void> {
  const connection = connect({});
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
}
