import { basename } from "node:path/posix";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { snapshotPrefix, unitFolder } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Artifact } from "./manifest.ts";
import type { CollectInput } from "./plan-line.ts";
import type { Storage } from "./storage/storage.ts";
import type { UnitProgress } from "./unit-progress.ts";

/**
 * Gives an unchanged unit the artifacts of the snapshot it was collected in, by link or copy in the storage.
 * Answers false where there is nothing to reuse, or what should be there is not: then the unit is collected.
 */
export async function reuseArtifacts(
  storage: Storage,
  input: CollectInput,
  progress: UnitProgress,
  onPending: (path: string) => Promise<void>,
  log: Log,
): Promise<boolean> {
  const { reuse, previous } = input.unit;
  if (reuse === undefined || previous === undefined) return false;
  for (const artifact of reuse) {
    const { reusedFrom: _, ...taken } = artifact;
    const path = pathIn(input, artifact);
    if (await takeOver(storage, input, artifact, path, onPending, log)) {
      progress.artifacts.push({ ...taken, path });
      continue;
    }
    // A copy may lie under the name that is now collected into.
    progress.attempts += 1;
    progress.artifacts = [];
    return false;
  }
  return true;
}

/** Where an artifact of the last snapshot lies in this one: the unit may have another name by now. */
export const pathIn = (input: CollectInput, artifact: Artifact): string =>
  `${unitFolder(input.unit.id)}/${basename(artifact.path)}`;

/** Answers false when it is not there any more, or is not what it should be. */
export async function takeOver(
  storage: Storage,
  input: CollectInput,
  artifact: Artifact,
  path: string,
  onPending: (path: string) => Promise<void>,
  log: Log,
): Promise<boolean> {
  const { previous } = input.unit;
  if (previous === undefined) return false;
  try {
    await onPending(path);
    const from = snapshotPrefix(input.job, previous.snapshot) + artifact.path;
    const copied = await storage.copy(from, snapshotPrefix(input.job, input.snapshot) + path);
    if (copied.bytes !== artifact.bytes) throw new IntegrityError("INTEGRITY_MISMATCH", `${from} has another size`);
    return true;
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof IntegrityError)) throw error;
    log.warn(`cannot be reused from snapshot ${previous.snapshot}, so it is collected: ${error.message}`);
    return false;
  }
}
