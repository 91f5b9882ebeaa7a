import type { ManifestUnit } from "../../../lib/manifest.ts";

/** A unit that ended, with one artifact where `sourceBytes` are given. */
export function endedUnit(unit: {
  id: string;
  status?: ManifestUnit["status"];
  sourceBytes?: number;
  error?: ManifestUnit["error"];
}): ManifestUnit {
  const { id, status = "ok", sourceBytes, error } = unit;
  const digest = "0".repeat(64);
  const artifact = {
    path: `${id}/files.tar.zst`,
    bytes: Math.floor((sourceBytes ?? 0) / 2),
    sha256: digest,
    sourceBytes: sourceBytes ?? 0,
    sourceSha256: digest,
    contentType: "application/x-tar",
    compression: "zstd" as const,
    encryption: null,
    facts: {},
    restore: "zstd -dc files.tar.zst | tar -x",
  };
  return {
    id,
    status,
    durationMs: 1500,
    attempts: 1,
    compute: "lambda",
    artifacts: sourceBytes === undefined ? [] : [artifact],
    error,
  };
}
