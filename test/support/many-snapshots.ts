import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { manifestKey, snapshotId, sumsKey, verifiedKey } from "../../lib/keys.ts";
import { documentBytes, type Manifest, type ManifestUnit, type Verification } from "../../lib/manifest.ts";

/** What became of a day; `none` leaves nothing behind, `narrowed` is good of a part of the job. */
export type Day = "proved" | "good" | "narrowed" | "partial" | "failed" | "none";

const DAY_MS = 86_400_000;
const UNITS = 4;

/** Snapshots as runs would have left them, but for their artifacts: one a day, the last one at `newest`. */
export async function writeSnapshots(base: string, job: string, days: readonly Day[], newest: Date): Promise<void> {
  for (const [n, day] of days.entries()) {
    const time = new Date(newest.getTime() - (days.length - 1 - n) * DAY_MS);
    if (day !== "none") await writeSnapshot(base, job, day, time, n);
  }
}

async function writeSnapshot(base: string, job: string, day: Day, time: Date, n: number): Promise<void> {
  const snapshot = snapshotId(time);
  const manifest = aManifest(job, snapshot, day, time, n);
  const bytes = documentBytes(manifest);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await write(join(base, manifestKey(job, snapshot)), bytes);
  await write(join(base, sumsKey(job, snapshot)), `${sha256}  manifest.json\n`);
  const at = new Date(time.getTime() + 60_000).toISOString();
  const artifacts = manifest.units.flatMap((unit) => unit.artifacts);
  const verification: Verification = {
    schemaVersion: 1,
    job,
    snapshot,
    manifestSha256: sha256,
    ok: true,
    verifiedAt: at,
    durationMs: 2_000 + 100 * n,
    proved: day === "proved" ? artifacts.length : 0,
    artifacts: artifacts.map(({ path }) => {
      const proof = day === "proved" ? ({ level: "restored", detail: "1 entry", at } as const) : null;
      return { path, checksum: "ok", checkedAt: at, proof };
    }),
    faults: [],
  };
  await write(join(base, verifiedKey(job, snapshot)), documentBytes(verification));
}

function aManifest(job: string, snapshot: string, day: Day, time: Date, n: number): Manifest {
  const failed = day === "failed" ? UNITS : day === "partial" ? 1 : 0;
  const units = Array.from({ length: UNITS }, (_, unit) => aUnit(`unit-${unit}`, unit < failed, n));
  const sum = (of: "bytes" | "sourceBytes") =>
    units.flatMap(({ artifacts }) => artifacts).reduce((total, one) => total + one[of], 0);
  const durationMs = 40_000 + 800 * (n % 9);
  return {
    schemaVersion: 1,
    tool: { name: "core-backup", version: "0.1.0" },
    job,
    service: "filesystem",
    run: `run-${n}`,
    ...(day === "narrowed" ? { only: ["unit-*"] } : {}),
    snapshot,
    status: failed === UNITS ? "failed" : failed > 0 ? "partial" : "ok",
    startedAt: time.toISOString(),
    finishedAt: new Date(time.getTime() + durationMs).toISOString(),
    durationMs,
    totals: {
      units: UNITS,
      ok: UNITS - failed,
      unchanged: 0,
      failed,
      skipped: 0,
      artifacts: UNITS - failed,
      bytes: sum("bytes"),
      sourceBytes: sum("sourceBytes"),
    },
    units,
    warnings: [],
    previous: null,
  };
}

function aUnit(id: string, failed: boolean, n: number): ManifestUnit {
  const base = { id, durationMs: 9_000 + n, attempts: 1, compute: "lambda" } as const;
  if (failed) {
    const error = {
      code: "SOURCE_UNAVAILABLE",
      message: "the source did not answer <b>at all</b>\u001b[31m",
      retryable: true,
    } as const;
    return { ...base, status: "failed", artifacts: [], error };
  }
  const digest = createHash("sha256").update(`${id} ${n}`).digest("hex");
  const artifact = {
    path: `${id}/files.tar.zst`,
    bytes: 50_000_000 + 90_000 * n,
    sha256: digest,
    sourceBytes: 120_000_000 + 200_000 * n,
    sourceSha256: digest,
    contentType: "application/x-tar",
    compression: "zstd",
    encryption: null,
    facts: {},
    restore: "tar -xf files.tar.zst",
  } as const;
  return { ...base, status: "ok", artifacts: [artifact] };
}

async function write(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
