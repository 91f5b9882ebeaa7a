/**
 * SHA256SUMS speaks of what is stored, so that `sha256sum -c` works: artifacts by their veiled names. The digest of the
 * manifest is that of its content, which nobody can compute from what is stored: it stands in a comment.
 */
export function veiledSums(text: string, veil: (path: string) => string): string {
  return text.replace(LINE, (line, digest: string, path: string) =>
    path === "manifest.json" ? `# ${line}` : `${digest}  ${veil(path)}`,
  );
}

/** What core-backup wrote; lines of any other form stay as they are. */
export function plainSums(text: string, unveil: (name: string) => string): string {
  return text
    .replace(/^# (?=[0-9a-f]{64} {2}manifest\.json$)/gm, "")
    .replace(LINE, (_line, digest: string, name: string) => `${digest}  ${unveil(name)}`);
}

const LINE = /^([0-9a-f]{64}) {2}(.+)$/gm;
