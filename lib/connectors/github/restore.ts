import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { basename } from "node:path/posix";
import { type Bytes, measure } from "../../bytes.ts";
import { IntegrityError } from "../../errors.ts";
import { restoreBundle } from "../../git/restore.ts";
import type { ProvenArtifact } from "../connector.ts";

/** Bundles become bare repositories; everything else is a file for `jq` and the like. */
export async function restoreGithub(
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (artifact.contentType === "application/x-git-bundle") return restoreBundle(artifact, bytes, folder, signal);
  const name = plainName(artifact);
  await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
  const measured = measure(bytes);
  const file = await open(join(folder, name), "wx", 0o600);
  try {
    for await (const piece of measured.bytes) {
      signal.throwIfAborted();
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
  if (measured.result().sha256 !== artifact.facts.sha256) {
    throw new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path} restores to other bytes than were collected`);
  }
  return [name];
}

/** Where git looks for an LFS object, below `lfs/`; other files by their name without what was added for compression or encryption. */
function plainName({ path }: ProvenArtifact): string {
  const name = basename(path);
  const oid = /^lfs-(([0-9a-f]{2})([0-9a-f]{2})[0-9a-f]{60})\.bin/.exec(name);
  if (oid !== null) return `lfs/objects/${oid[2]}/${oid[3]}/${oid[1]}`;
  const plain =
    /^(\w+(?:-\d+)?\.jsonl?)(?:\.\w+)*$/.exec(name)?.[1] ??
    /^((?:asset|attachment)-.+)\.bin(?:\.\w+)*$/.exec(name)?.[1];
  if (plain === undefined) throw new IntegrityError("INTEGRITY_MANIFEST", `${path} is no artifact of this service`);
  return plain;
}
