import { checkArtifact, noKeyOf, readArtifact } from "./artifact.ts";
import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import type { Decryptions } from "./decryptions.ts";
import { CodedError, EncryptionError, type ErrorRecord, errorRecord, IntegrityError, NotFoundError } from "./errors.ts";
import { snapshotPrefix } from "./keys.ts";
import type { Artifact, ArtifactVerification } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import type { ArtifactTask, VerifyMode } from "./verify-tasks.ts";

/** Of which snapshot artifacts are, and what opens them. */
export interface ArtifactsOf {
  readonly job: Job;
  readonly storage: Storage;
  readonly entry: SnapshotEntry;
  readonly decryptions: Decryptions;
  readonly mode: VerifyMode;
}

/**
 * Does what one task asks for. A fault is a result. @throws StorageError | TransientError when the storage cannot be read;
 * EncryptionError `SEALED` when the job's own private key (`policy`) does not open what is encrypted for it
 */
export async function verifyArtifact(
  backup: Backup,
  { job, storage, entry, decryptions, mode }: ArtifactsOf,
  task: ArtifactTask,
): Promise<ArtifactVerification> {
  const { artifact, inherited } = task;
  if (task.read === "no" && inherited !== undefined) return { ...inherited, checksum: "inherited" };
  const prefix = snapshotPrefix(job.name, entry.snapshot);
  const at = backup.now().toISOString();
  const base = { path: artifact.path, checkedAt: at };
  /** What was proved of the same bytes where there was a key stays proved. */
  const sealed = (detail: string): ArtifactVerification => {
    const proof = inherited?.proof ?? { level: "sealed" as const, detail, at };
    return { ...base, checksum: "ok", proof: proof.level === "sealed" ? { level: "sealed", detail, at } : proof };
  };
  try {
    if (task.read === "checksum" || task.read === "no") {
      await checkArtifact(storage, prefix, artifact, backup.signal);
      return { ...base, checksum: "ok", proof: inherited?.proof ?? null };
    }
    if (artifact.encryption !== null && decryptions.isSealed(artifact)) {
      await checkArtifact(storage, prefix, artifact, backup.signal);
      return sealed(noKeyOf(artifact.encryption.type));
    }
    const connector = await backup.connector(job);
    const proof = await connector.prove(artifact, readArtifact(storage, prefix, artifact, decryptions.of(artifact)), {
      full: task.read === "full",
      signal: backup.signal,
      unit: task.unit,
    });
    return { ...base, checksum: "ok", proof: { ...proof, at } };
  } catch (error) {
    backup.signal.throwIfAborted();
    const damage = task.read === "checksum" ? error : await damageOr(error, storage, prefix, artifact, backup.signal);
    if (damage instanceof EncryptionError && damage.code === "SEALED") {
      if (!decryptions.mustOpen(artifact)) return sealed("none of the private keys at hand opens it");
      // The run's own key is wrong, and whoever configured it counts on a proof. Of the snapshot that says nothing.
      if (mode === "policy") throw damage;
      return sealed(
        "the private key at hand belongs to it and does not open it: a wrong passphrase, or a part is missing",
      );
    }
    return { ...base, checksum: "failed", proof: null, error: faultOf(damage, artifact, backup) };
  }
}

/** Damaged bytes fail in many ways on their way through a proof; that they are damaged is what an operator must read. */
async function damageOr(
  error: unknown,
  storage: Storage,
  prefix: string,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    await checkArtifact(storage, prefix, artifact, signal);
    return error;
  } catch (damage) {
    signal.throwIfAborted();
    return damage;
  }
}

/** A storage that cannot be read just now says nothing about the artifact, so that is thrown and not recorded. */
function faultOf(error: unknown, artifact: Artifact, backup: Backup): ErrorRecord {
  if (error instanceof NotFoundError) {
    return { code: "INTEGRITY_MISSING", message: `${artifact.path} is not in the storage`, retryable: false };
  }
  if (error instanceof IntegrityError) return errorRecord(error, backup.redaction.redact);
  if (error instanceof CodedError) throw error;
  const message = `${artifact.path} could not be proved: ${error instanceof Error ? error.message : String(error)}`;
  return { code: "PROOF_FAILED", message: backup.redaction.redact(message), retryable: false };
}
