import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { BSON, MongoClient } from "mongodb";
import { crc64 } from "../lib/connectors/mongodb/crc64.ts";
import { startJavaServer } from "../test/support/mongo-servers.ts";
import { startScriptedMongo } from "../test/support/scripted-mongo.ts";
import type { Dumped } from "./dump-database.ts";
import { type BenchLine, benchLine, loneLine, median } from "./line.ts";

const MiB = 1024 * 1024;
const ROUNDS = 5;
const SPEED_BYTES = 220 * MiB;
const SIZES = [100 * MiB, 1000 * MiB] as const;
const FLAT = 1.25;
const LIMIT_MIB = 250;

/** The driver strategy against `mongodump --archive`, side by side where that is on the PATH and else alone, and its memory at two sizes. */
export async function benchMongodb(): Promise<readonly BenchLine[]> {
  sayCrc();
  return [...(await ofSpeed()), await ofMemory()];
}

async function ofSpeed(): Promise<readonly BenchLine[]> {
  await using server = await startJavaServer({ maxBatch: 7000 });
  await fill(server.uri);
  const hasMongodump = spawnSync("mongodump", ["--version"]).error === undefined;
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await ourDump(server.uri, "app"));
    if (hasMongodump) theirs.push(await mongodump(server.uri));
  }
  say("driver", ours);
  if (hasMongodump) say("mongodump", theirs);
  return SPEED_ROWS.map(({ what, unit, of, want }) => {
    const mine = median(ours.map(of));
    if (!hasMongodump) return loneLine(`mongodb: ${what} of the driver`, { ours: mine, unit }, "mongodump");
    return benchLine(
      `mongodb: ${what} of the driver, to mongodump --archive`,
      { ours: mine, theirs: median(theirs.map(of)), unit },
      want,
    );
  });
}

/** Of a database of mixed documents; the CPU is that of the client alone. */
const SPEED_ROWS = [
  {
    what: "speed",
    unit: "MiB/s",
    of: ({ seconds }: Run) => SPEED_BYTES / MiB / seconds,
    want: { atLeast: 1 },
  },
  { what: "CPU", unit: "s", of: ({ cpuSeconds }: Run) => cpuSeconds, want: { atMost: 1 } },
  { what: "peak memory", unit: "MiB", of: ({ peakBytes }: Run) => peakBytes / MiB, want: { atMost: 1 } },
] as const;

/** A server that has the same few documents over and over, so that a gigabyte costs it nothing. */
async function ofMemory(): Promise<BenchLine> {
  const few = Array.from({ length: 64 }, (_, n) => BSON.serialize({ _id: n, data: randomBytes(200 + n * 150) }));
  const each = few.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const peaks: number[] = [];
  for (const size of SIZES) {
    const documents = Array.from({ length: Math.ceil(size / each) }, () => few).flat();
    const quarter = Math.ceil(documents.length / 4);
    const collections = [0, 1, 2, 3].map((n) => ({
      name: `c${n}`,
      documents: documents.slice(n * quarter, (n + 1) * quarter),
    }));
    await using server = await startScriptedMongo({ databases: { app: collections } });
    const runs: Run[] = [];
    for (let round = 0; round < 3; round += 1) runs.push(await ourDump(server.uri, "app"));
    say(`driver, ${size / MiB} MiB`, runs);
    peaks.push(median(runs.map(({ peakBytes }) => peakBytes)) / MiB);
  }
  const [small = 0, large = 0] = peaks;
  const name = `mongodb: peak memory at ${SIZES[1] / MiB} MiB, to that at ${SIZES[0] / MiB} MiB`;
  const flat = benchLine(name, { ours: large, theirs: small, unit: "MiB" }, { atMost: FLAT });
  return { ...flat, want: `${flat.want} and < ${LIMIT_MIB} MiB`, ok: flat.ok && large < LIMIT_MIB };
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** The whole process, its start included, as for the other side. */
async function ourDump(uri: string, database: string): Promise<Run> {
  const began = performance.now();
  const script = path.join(import.meta.dirname, "dump-database.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, uri, database]);
  const { cpuSeconds, peakBytes }: Dumped = JSON.parse(stdout);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds, peakBytes };
}

/** Bash's own clock for the CPU; the peak memory is what the kernel last said before it ended. */
async function mongodump(uri: string): Promise<Run> {
  const script = `TIMEFORMAT='%R %U %S'
    time { mongodump --quiet --uri="$0" --db=app --archive >/dev/null & pid=$!
      while peak=$(grep VmHWM /proc/$pid/status 2>/dev/null); do echo "$peak" >&3; sleep 0.05; done; wait $pid; }`;
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", `{ ${script}\n} 3>&1`, uri]);
  const [seconds = 0, user = 0, system = 0] = (stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  const peaks = [...stdout.matchAll(/(\d+) kB/g)].map(([, kib]) => Number(kib) * 1024);
  return { seconds, cpuSeconds: user + system, peakBytes: Math.max(0, ...peaks) };
}

/** Most documents small, most bytes in large ones, in four collections. */
async function fill(uri: string): Promise<void> {
  const client = await MongoClient.connect(uri);
  const text = randomBytes(64 * 1024).toString("base64");
  let bytes = 0;
  for (let n = 0; bytes < SPEED_BYTES; n += 1) {
    const batch = Array.from({ length: 200 }, (_, i) => {
      const size = i % 20 === 0 ? 20_000 : i % 4 === 0 ? 3_000 : 300;
      return { n: n * 200 + i, at: new Date(1_700_000_000_000 + i), tags: ["a", "b"], text: text.slice(i, i + size) };
    });
    bytes += batch.reduce((sum, document) => sum + BSON.calculateObjectSize(document), 0);
    await client
      .db("app")
      .collection(`c${n % 4}`)
      .insertMany(batch);
  }
  await client.close();
}

function sayCrc(): void {
  const bytes = randomBytes(MiB);
  const crc = crc64();
  const began = performance.now();
  for (let n = 0; n < 256; n += 1) crc.update(bytes);
  console.error(`mongodb: CRC-64 at ${(256 / ((performance.now() - began) / 1000)).toFixed(0)} MiB/s`);
}

function say(name: string, runs: readonly Run[]): void {
  const of = (pick: (run: Run) => number) => median(runs.map(pick));
  const [seconds, cpu] = [of((run) => run.seconds), of((run) => run.cpuSeconds)].map((value) => value.toFixed(2));
  const peak = (of((run) => run.peakBytes) / MiB).toFixed(0);
  console.error(`mongodb: ${name}: ${seconds} s, ${cpu} s of CPU, ${peak} MiB (median of ${runs.length})`);
}
