import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../lib/storage/s3/client.ts";
import { type S3Server, startVersitygw } from "../test/support/s3-server.ts";
import { type BenchLine, benchLine, median } from "./line.ts";
import type { Transferred } from "./s3-transfer.ts";

const run = promisify(execFile);
const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const ROUNDS = 5;
const BUCKET = "bench";
const FLAT = 1.25;
const LIMIT_MIB = 250;

/**
 * One object of 1 GiB up and down, in turn with rclone on the same versitygw, whole processes, with the same size and
 * number of parts; then the peak memory of uploads of 1 and of 8 GiB.
 */
export async function benchS3(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  await using server = await startVersitygw();
  try {
    await makeBucket(server);
    const file = path.join(folder, "1GiB.bin");
    execFileSync("sh", ["-c", `head -c ${GiB} /dev/urandom >"$0"`, file]);
    return [...(await throughput(server, file)), await memory(server)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function throughput(server: S3Server, file: string): Promise<readonly BenchLine[]> {
  const took = { up: { ours: [], theirs: [] }, down: { ours: [], theirs: [] } } as Record<
    "up" | "down",
    { ours: number[]; theirs: number[] }
  >;
  for (let round = 1; round <= ROUNDS; round += 1) {
    took.up.ours.push(await seconds(() => ours(server, "put", "ours.bin", file)));
    took.up.theirs.push(await seconds(() => rclone(server, ["copyto", file, `bench:${BUCKET}/theirs.bin`])));
    took.down.ours.push(await seconds(() => ours(server, "get", "ours.bin")));
    took.down.theirs.push(await seconds(() => rclone(server, ["cat", `bench:${BUCKET}/theirs.bin`])));
    const last = Object.values(took).flatMap((each) => [each.ours.at(-1), each.theirs.at(-1)]);
    console.error(`s3: round ${round}: up, theirs, down, theirs: ${last.map((time) => time?.toFixed(1)).join(" ")} s`);
  }
  const line = (name: string, { ours: own, theirs }: { ours: number[]; theirs: number[] }) => {
    const rates = { ours: GiB / MiB / median(own), theirs: GiB / MiB / median(theirs), unit: "MiB/s" };
    return benchLine(`s3: ${name} of 1 GiB, to rclone's`, rates, { atLeast: 0.9 });
  };
  return [line("upload", took.up), line("download", took.down)];
}

async function memory(server: S3Server): Promise<BenchLine> {
  const peaks: number[] = [];
  for (const size of [GiB, 8 * GiB]) {
    const { bytes, peakBytes } = await ours(server, "put", "memory.bin", `${size}`);
    if (bytes !== size) throw new Error(`${bytes} of ${size} bytes were stored`);
    console.error(`s3: upload of ${size / GiB} GiB: peak ${(peakBytes / MiB).toFixed(0)} MiB`);
    peaks.push(peakBytes / MiB);
  }
  const [small = 0, large = 0] = peaks;
  const flat = benchLine(
    "s3: peak memory at 8 GiB, to that at 1 GiB",
    { ours: large, theirs: small, unit: "MiB" },
    { atMost: FLAT },
  );
  return { ...flat, want: `${flat.want} and < ${LIMIT_MIB} MiB`, ok: flat.ok && large < LIMIT_MIB };
}

async function ours(server: S3Server, action: "put" | "get", key: string, source = ""): Promise<Transferred> {
  const script = path.join(import.meta.dirname, "s3-transfer.ts");
  const env = {
    ENDPOINT: server.endpoint,
    BUCKET,
    KEY_ID: server.credentials.accessKeyId,
    SECRET: server.credentials.secretAccessKey,
  };
  const { stdout } = await run(process.execPath, [script, action, key, source], { env });
  return JSON.parse(stdout);
}

/** versitygw answers `Expect: 100-continue` late, and without this flag rclone waits for it with each part. */
async function rclone(server: S3Server, args: readonly string[]): Promise<void> {
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
  await run("sh", ["-c", `${command} >/dev/null`], { env });
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function makeBucket({ endpoint, region, credentials }: S3Server): Promise<void> {
  const connection = connect({ env: {} });
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
}
