import type { Bytes } from "../../bytes.ts";
import { watchArchive } from "../../tar/extraction.ts";
import { digHoles, findZeros } from "../../tar/holes.ts";
import { extractArchive } from "../../tar/restore.ts";
import type { ProvenArtifact } from "../connector.ts";

/** By tar. An Engine writes holes out as zeros, so what it read gets holes where there are many of those. */
export async function extractSparsely(
  artifact: ProvenArtifact,
  bytes: Bytes,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  if (artifact.facts.readBy !== "engine") {
    await extractArchive(artifact, bytes, target, signal);
    return;
  }
  const zeros = findZeros();
  await extractArchive(artifact, watchArchive(bytes, zeros).bytes, target, signal);
  await digHoles(zeros.files, target, signal);
}
