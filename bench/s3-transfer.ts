import { createReadStream } from "node:fs";
import process from "node:process";
import type { Bytes, Measurement } from "../lib/bytes.ts";
import { tuneGarbageCollection } from "../lib/garbage-collection.ts";
import { measureOwned } from "../lib/measure-owned.ts";
import { connect, createS3Client } from "../lib/storage/s3/client.ts";
import { s3Storage } from "../lib/storage/s3/s3.ts";
import { silentLog } from "../test/support/logs.ts";

/**
 * A process of its own that stores or reads one object through the storage, and prints what it took:
 * `node s3-transfer.mjs put|get KEY SOURCE`, where SOURCE is a file, or a number of bytes to be made up. The bucket is in
 * the variables ENDPOINT, BUCKET, KEY_ID and SECRET.
 */
export interface Transferred {
  readonly bytes: number;
  readonly sha256: string;
  readonly peakBytes: number;
}

// As cli/main.ts does.
tuneGarbageCollection();
const [action, key = "", source = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const { ENDPOINT = "", BUCKET = "", KEY_ID = "", SECRET = "" } = process.env;
const client = createS3Client({
  endpoint: ENDPOINT,
  region: "us-east-1",
  pathStyle: true,
  credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
  connection: connect({}),
});
const storage = s3Storage({
  client,
  name: "bench",
  bucket: BUCKET,
  prefix: "",
  objects: {},
  retry: { attempts: 3, baseMs: 100, maxMs: 1_000, signal },
  signal,
  log: silentLog,
  now: () => new Date(),
});
const { bytes, sha256 } = action === "put" ? await storage.put(key, bodyOf(source)) : await readBack();
const transferred: Transferred = { bytes, sha256, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(`${JSON.stringify(transferred)}\n`);
process.exit(0);

/** As `verify` does it: it knows from the manifest how much will come. */
async function readBack(): Promise<Measurement> {
  const measured = measureOwned(await storage.get(key), (await storage.head(key))?.bytes ?? 0);
  for await (const _ of measured.bytes);
  return measured.result();
}

function bodyOf(text: string): Bytes {
  return /^\d+$/.test(text) ? madeUp(Number(text)) : createReadStream(text, { highWaterMark: 1024 * 1024 });
}

async function* madeUp(total: number): Bytes {
  const piece = Buffer.alloc(1024 * 1024, "core-backup ");
  for (let given = 0; given < total; given += piece.byteLength) yield piece.subarray(0, total - given);
}
