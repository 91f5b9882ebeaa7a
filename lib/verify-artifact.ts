import { checkArtifact, noKeyOf, readArtifact } from "./artifact.ts";
import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import type { Decryptions } from "./decryptions.ts";
import { CodedError, EncryptionError, type ErrorRecord, errorRecord, IntegrityError, NotFoundError } from "./errors.ts";
import { reaches, withFailedProof } from "./failed-proof.ts";
import { snapshotPrefix } from "./keys.ts";
import { machineFault } from "./machine-fault.ts";
import type { Artifact, ArtifactVerification, FailedProof } from "./manifest.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
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
 * EncryptionError `SEALED` when the job's own private key (`policy`) does not open what is encrypted for it; CodedError for
 * what kept this machine from proving it
 */
export async function verifyArtifact(
  backup: Backup,
  { job, storage, entry, decryptions, mode }: ArtifactsOf,
  task: ArtifactTask,
): Promise<ArtifactVerification> {
  const { artifact, inherited } = task;
  if (task.read === "no" && inherited !== undefined) return unreadOf(inherited);
  const prefix = snapshotPrefix(job.name, entry.snapshot);
  const at = backup.now().toISOString();
  const before = inherited?.failedProof;
  const right = { path: artifact.path, checkedAt: at, checksum: "ok" as const };
  /** What was proved of the same bytes where there was a key stays proved, and what failed there failed. */
  const sealed = (detail: string): ArtifactVerification => {
    const proof = inherited?.proof ?? { level: "sealed" as const, detail, at };
    const kept = proof.level === "sealed" ? { level: "sealed" as const, detail, at } : proof;
    return withFailedProof({ ...right, proof: kept }, before);
  };
  const damaged = (error: ErrorRecord): ArtifactVerification =>
    withFailedProof({ ...right, checksum: "failed", proof: null, error }, before);

  const isProof = task.read === "prove" || task.read === "full";
  if (!isProof || decryptions.isSealed(artifact)) {
    const damage = await damageOf(storage, prefix, artifact, backup);
    if (damage !== undefined) return damaged(damage);
    if (isProof && artifact.encryption !== null) return sealed(noKeyOf(artifact.encryption.type));
    return withFailedProof({ ...right, proof: inherited?.proof ?? null }, before);
  }
  let tried: FailedProof["level"] = task.read === "full" ? "full" : "read";
  try {
    const connector = await backup.connector(job);
    const proof = await connector.prove(artifact, readArtifact(storage, prefix, artifact, decryptions.of(artifact)), {
      full: task.read === "full",
      signal: backup.signal,
      unit: task.unit,
      onlyRead: () => {
        tried = "read";
      },
    });
    const proved = { ...right, proof: { ...proof, at } };
    // By what was known when it began, whatever the clocks of two machines say.
    return before === undefined || reaches(proof, before) ? proved : withFailedProof(proved, before);
  } catch (error) {
    backup.signal.throwIfAborted();
    // Damaged bytes fail in many ways on their way through a proof; that they are damaged is what an operator must read.
    const damage = await damageOf(storage, prefix, artifact, backup);
    if (damage !== undefined) return damaged(damage);
    if (error instanceof EncryptionError && error.code === "SEALED") {
      if (!decryptions.mustOpen(artifact)) return sealed("none of the private keys at hand opens it");
      // The run's own key is wrong, and whoever configured it counts on a proof. Of the snapshot that says nothing.
      if (mode === "policy") throw error;
      return sealed(
        "the private key at hand belongs to it and does not open it: a wrong passphrase, or a part is missing",
      );
    }
    const failedProof = { level: tried, at, error: proofFault(error, artifact, backup) };
    return withFailedProof(withFailedProof({ ...right, proof: null }, failedProof), before);
  }
}

/** What is known of one that was not read this time. */
export const unreadOf = (inherited: ArtifactVerification): ArtifactVerification => ({
  ...inherited,
  checksum: "inherited",
});

/** What is wrong with the stored bytes; undefined where they are the right ones. A storage that cannot be read just now says nothing about them. */
async function damageOf(
  storage: Storage,
  prefix: string,
  artifact: Artifact,
  { signal, redaction }: Backup,
): Promise<ErrorRecord | undefined> {
  try {
    await checkArtifact(storage, prefix, artifact, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NotFoundError)
      return { code: "INTEGRITY_MISSING", message: `${artifact.path} is not in the storage`, retryable: false };
    if (error instanceof IntegrityError) return errorRecord(error, redaction.redact);
    throw error;
  }
}

/** Why the right bytes did not restore. @throws CodedError for what kept this machine from proving them, which says nothing of them */
function proofFault(error: unknown, artifact: Artifact, { redaction }: Backup): ErrorRecord {
  if (error instanceof CodedError && !(error instanceof IntegrityError)) throw error;
  const machine = machineFault(error, `${artifact.path} could not be proved`);
  if (machine !== undefined) throw machine;
  if (error instanceof IntegrityError) return errorRecord(error, redaction.redact);
  const message = `${artifact.path} could not be proved: ${error instanceof Error ? error.message : String(error)}`;
  return { code: "PROOF_FAILED", message: redaction.redact(message), retryable: false };
}
