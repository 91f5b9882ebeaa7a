import type { Manifest, ManifestUnit } from "./manifest.ts";

/**
 * The one meaning of partial: something failed, and something is stored. Nothing stored at all is `failed`, also when
 * nothing failed: a run that stored nothing must never stand in for one that did.
 */
export function statusOf(units: readonly ManifestUnit[]): Manifest["status"] {
  const stored = units.some((unit) => unit.artifacts.length > 0);
  if (!stored) return "failed";
  return units.some((unit) => unit.status === "failed") ? "partial" : "ok";
}

export function totalsOf(units: readonly ManifestUnit[]): Manifest["totals"] {
  const withStatus = (status: ManifestUnit["status"]) => units.filter((unit) => unit.status === status).length;
  const artifacts = units.flatMap((unit) => unit.artifacts);
  return {
    units: units.length,
    ok: withStatus("ok"),
    unchanged: withStatus("unchanged"),
    failed: withStatus("failed"),
    skipped: withStatus("skipped"),
    artifacts: artifacts.length,
    bytes: artifacts.reduce((total, artifact) => total + artifact.bytes, 0),
    sourceBytes: artifacts.reduce((total, artifact) => total + artifact.sourceBytes, 0),
  };
}
