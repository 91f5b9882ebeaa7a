import type { Manifest } from "./manifest.ts";

export const MAX_SUMS_BYTES = 256 * 1024 * 1024;

/**
 * The text of SHA256SUMS, in the form that `sha256sum -c` reads: every artifact and the manifest itself. So a changed
 * manifest shows without knowing anything of core-backup. Artifact paths hold no newline or backslash (keys.ts).
 */
export function sumsText(manifest: Manifest, manifestSha256: string): Uint8Array {
  const artifacts = manifest.units.flatMap((unit) => unit.artifacts);
  const lines = [...artifacts.map(({ sha256, path }) => `${sha256}  ${path}\n`), `${manifestSha256}  manifest.json\n`];
  return new TextEncoder().encode(lines.join(""));
}

/** Path to digest. Lines of any other form are left out: what is missing is then found missing. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  const matches = text.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm);
  return new Map([...matches].map((match) => [match[2] ?? "", match[1] ?? ""]));
}
