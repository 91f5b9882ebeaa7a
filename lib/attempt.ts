import { artifactPath, storeArtifact } from "./artifact.ts";
import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { SourceError } from "./errors.ts";
import { snapshotPrefix, unitFolder } from "./keys.ts";
import type { CollectInput } from "./plan-line.ts";
import type { Storage } from "./storage/storage.ts";
import type { UnitProgress } from "./unit-progress.ts";

/** One attempt at all of a unit's items. What an earlier attempt stored is stored anew, so that all of it is of one time. */
export async function collectArtifacts(
  backup: Backup,
  job: Job,
  storage: Storage,
  input: CollectInput,
  progress: UnitProgress,
  onPending: (path: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  progress.attempts += 1;
  progress.artifacts = [];
  progress.warnings = [];
  const { unit } = input;
  const folder = unitFolder(unit.id);
  const ifAbsent = progress.attempts === 1 && !progress.begunBefore;
  const connector = await backup.connector(job);
  const warn = ({ code, message }: { code: string; message: string }) =>
    progress.warnings.push({ code, message: backup.redaction.redact(message), unit: unit.id });
  let before = 0;
  for await (const item of connector.collect(unit, { signal, warn })) {
    const path = artifactPath(folder, item, job.compression);
    if (progress.artifacts.some((artifact) => artifact.path === path)) {
      throw new SourceError("SOURCE_PROTOCOL", `two artifacts of the unit are called ${path}`);
    }
    // Written first, so that at no moment there is an object that no record speaks of.
    await onPending(path);
    const artifact = await storeArtifact(item, {
      storage,
      prefix: snapshotPrefix(input.job, input.snapshot),
      folder,
      compression: job.compression,
      ifAbsent,
      signal,
      onBytes: (bytes) =>
        backup.emit({ type: "unit-bytes", job: job.name, unit: unit.id, sourceBytes: before + bytes }),
    });
    progress.artifacts.push(artifact);
    before += artifact.sourceBytes;
  }
}
