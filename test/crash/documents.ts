import { createHash } from "node:crypto";
import * as z from "zod";
import type { Image } from "./image.ts";

/**
 * The store's documents as docs/ describes them, read without lib/: what this reader and the product understand
 * differently is a fault of one of the two.
 */

const artifact = z.object({
  path: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  compression: z.string(),
  restore: z.string(),
});
const unit = z.object({
  id: z.string(),
  status: z.string(),
  artifacts: z.array(artifact),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
const manifest = z.object({ run: z.string(), snapshot: z.string(), status: z.string(), units: z.array(unit) });
const record = unit.extend({ run: z.string(), n: z.number(), pending: z.array(z.string()).optional() });
const verified = z.object({ manifestSha256: z.string(), ok: z.boolean() });
const planLine = z.object({ n: z.number(), id: z.string(), run: z.string() });

export type UnitSeen = z.infer<typeof unit>;
export type ArtifactSeen = z.infer<typeof artifact>;
export type ManifestSeen = z.infer<typeof manifest>;

export interface SnapshotSeen {
  readonly job: string;
  readonly snapshot: string;
  /** The folder with its slash. */
  readonly prefix: string;
  /** Objects that are neither documents nor in `.run/`: path below the folder to bytes. */
  readonly artifacts: ReadonlyMap<string, Uint8Array>;
  readonly hasManifest: boolean;
  /** Undefined also for one that does not parse. */
  readonly manifest: ManifestSeen | undefined;
  readonly verified: z.infer<typeof verified> | undefined;
  readonly plan: readonly z.infer<typeof planLine>[] | undefined;
  readonly records: readonly z.infer<typeof record>[];
  /** Documents that are there and do not parse, by key. */
  readonly unreadable: readonly string[];
  /** Lines of SHA256SUMS: path to digest. */
  readonly sums: ReadonlyMap<string, string> | undefined;
  /** `ok`, read back, and with nothing that speaks against it. */
  readonly good: boolean;
}

/** Files in the making; of S3 uploads that are open, which s3-store.ts shows under such names. */
export const TEMPORARY = /(^|\/)\.core-backup-tmp-[^/]+$/;
const PLACE = /^([^/]+)\/(\d{4}-\d\d-\d\d)\/(\d{6}Z)\/(.+)$/;
const DOCUMENTS = new Set(["manifest.json", "SHA256SUMS", "verified.json"]);
/** What may lie elsewhere than in a snapshot's folder. */
const BESIDE = /^[^/]+\/\.(lease|removals\.json)$/;

export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** The snapshots and unfinished runs of an image, oldest first, and the keys that belong to none. */
export function readStore(image: Image): { snapshots: readonly SnapshotSeen[]; strangers: readonly string[] } {
  const folders = new Map<string, Map<string, Uint8Array>>();
  const strangers: string[] = [];
  for (const [key, content] of image) {
    if (TEMPORARY.test(key) || BESIDE.test(key)) continue;
    const place = PLACE.exec(key);
    if (place === null) {
      strangers.push(key);
      continue;
    }
    const [, job, day, time, rest] = place;
    const prefix = `${job}/${day}/${time}/`;
    const folder = folders.get(prefix) ?? new Map<string, Uint8Array>();
    folder.set(rest ?? "", content);
    folders.set(prefix, folder);
  }
  const snapshots = [...folders].map(([prefix, files]) => readFolder(prefix, files));
  return { snapshots: snapshots.sort((a, b) => (a.prefix < b.prefix ? -1 : 1)), strangers };
}

function readFolder(prefix: string, files: ReadonlyMap<string, Uint8Array>): SnapshotSeen {
  const [job = "", day = "", time = ""] = prefix.split("/");
  const unreadable: string[] = [];
  const parsed = <T>(schema: z.ZodType<T>, name: string): T | undefined => {
    const content = files.get(name);
    if (content === undefined) return undefined;
    const value = jsonOf(content);
    const result = schema.safeParse(value);
    if (!result.success) unreadable.push(prefix + name);
    return result.data;
  };
  const ofManifest = parsed(manifest, "manifest.json");
  const ofVerified = parsed(verified, "verified.json");
  const records = [...files.keys()]
    .filter((name) => /^\.run\/units\/\d+(\.\d+)?\.json$/.test(name))
    .flatMap((name) => parsed(record, name) ?? []);
  const sums = sumsOf(files.get("SHA256SUMS"));
  const digest = sha256(files.get("manifest.json") ?? new Uint8Array());
  return {
    job,
    snapshot: `${day}T${time}`,
    prefix,
    artifacts: new Map([...files].filter(([name]) => !DOCUMENTS.has(name) && !name.startsWith(".run/"))),
    hasManifest: files.has("manifest.json"),
    manifest: ofManifest,
    verified: ofVerified,
    plan: planOf(files.get(".run/plan.jsonl"), () => unreadable.push(`${prefix}.run/plan.jsonl`)),
    records,
    unreadable,
    sums,
    good:
      ofManifest?.status === "ok" &&
      ofVerified?.ok === true &&
      ofVerified.manifestSha256 === digest &&
      sums?.get("manifest.json") === digest,
  };
}

function planOf(content: Uint8Array | undefined, unreadable: () => void) {
  if (content === undefined) return undefined;
  const lines = Buffer.from(content).toString("utf8").split("\n").filter(Boolean);
  const parsed = lines.map((line) => planLine.safeParse(jsonOf(Buffer.from(line))));
  if (parsed.some(({ success }) => !success)) unreadable();
  return parsed.flatMap(({ data }) => data ?? []);
}

function sumsOf(content: Uint8Array | undefined): ReadonlyMap<string, string> | undefined {
  if (content === undefined) return undefined;
  const lines = Buffer.from(content).toString("utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

function jsonOf(content: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(content).toString("utf8"));
  } catch {
    return undefined;
  }
}
