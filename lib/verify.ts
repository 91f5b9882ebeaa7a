import { checkArtifact, noKeyOf, readArtifact } from "./artifact.ts";
import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { type Decryptions, decryptionsFor } from "./decryptions.ts";
import {
  CodedError,
  EncryptionError,
  type ErrorRecord,
  errorRecord,
  IntegrityError,
  NotFoundError,
  StorageError,
} from "./errors.ts";
import { findJob } from "./jobs.ts";
import { snapshotPrefix } from "./keys.ts";
import type { Artifact, ArtifactVerification, Verification } from "./manifest.ts";
import { manifestFaults } from "./manifest-faults.ts";
import { eachLimited } from "./pool.ts";
import { recordVerification } from "./record-verification.ts";
import { findSnapshot, type SnapshotEntry } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { type ArtifactTask, type VerifyMode, verifyTasks } from "./verify-tasks.ts";

export interface VerifyInput {
  readonly job: string;
  /** A snapshot id or `latest`. */
  readonly snapshot: string;
  readonly mode: VerifyMode;
}

/**
 * Reads back and compares with the manifest, and writes verified.json. Faults are results: `ok` is false and each
 * artifact that is wrong carries its error. Needs no lease: a snapshot can be proved while a run of its job goes on.
 * @throws NotFoundError for a snapshot that is not there; StorageError | TransientError when the storage cannot be read
 */
export async function verify(backup: Backup, input: VerifyInput): Promise<Verification> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  const entry = await findSnapshot(storage, job.name, input.snapshot);
  const begun = backup.now();
  const faults = await manifestFaults(storage, entry);
  const artifacts = entry.manifest?.units.flatMap((unit) => unit.artifacts) ?? [];
  // Keys that nothing will be proved with are not asked for.
  const decryptions = await decryptionsFor(backup, job, isProving(job, input.mode) ? artifacts : []);
  const tasks = await verifyTasks(storage, job, entry, input.mode, decryptions.isSealed);
  const results: ArtifactVerification[] = [];
  backup.emit({ type: "verifying", job: job.name, artifacts: tasks.filter((task) => task.read !== "no").length });
  await eachLimited(tasks.entries(), job.concurrency, async ([n, task]) => {
    backup.signal.throwIfAborted();
    results[n] = await verifyArtifact(backup, job, storage, entry, task, decryptions);
    backup.emit({ type: "verified", job: job.name, path: task.artifact.path });
  });
  const verification: Verification = {
    schemaVersion: 1,
    job: job.name,
    snapshot: entry.snapshot,
    // The first digest ever seen stays: a manifest that was changed must not become right by being verified twice.
    manifestSha256: entry.verification?.manifestSha256 ?? entry.manifestSha256,
    ok: faults.length === 0 && results.every((result) => result.checksum !== "failed"),
    verifiedAt: backup.now().toISOString(),
    durationMs: Math.max(0, backup.now().getTime() - begun.getTime()),
    proved: results.filter(({ proof }) => proof !== null && proof.level !== "sealed").length,
    artifacts: results,
    faults,
  };
  const recorded = await record(backup, storage, entry, verification, input.mode);
  logFaults(backup, recorded);
  return recorded;
}

const isProving = (job: Job, mode: VerifyMode): boolean =>
  mode === "policy" ? job.verify.prove !== false : mode !== "checksum";

/** After a run it must be recorded, or the snapshot would not count as good. For who only asks, the answer is what counts. */
async function record(
  backup: Backup,
  storage: Storage,
  entry: SnapshotEntry,
  verification: Verification,
  mode: VerifyMode,
): Promise<Verification> {
  const { job, snapshot } = verification;
  try {
    return await recordVerification(storage, entry, verification);
  } catch (error) {
    if (mode === "policy" || !(error instanceof StorageError)) throw error;
    backup.log.with({ job }).warn(`what was found cannot be recorded: ${error.message}`, { snapshot });
    return verification;
  }
}

async function verifyArtifact(
  backup: Backup,
  job: Job,
  storage: Storage,
  entry: SnapshotEntry,
  task: ArtifactTask,
  decryptions: Decryptions,
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
      await checkArtifact(storage, prefix, artifact);
      return { ...base, checksum: "ok", proof: inherited?.proof ?? null };
    }
    if (artifact.encryption !== null && decryptions.isSealed(artifact)) {
      await checkArtifact(storage, prefix, artifact);
      return sealed(noKeyOf(artifact.encryption.type));
    }
    const connector = await backup.connector(job);
    const proof = await connector.prove(artifact, readArtifact(storage, prefix, artifact, decryptions.of(artifact)), {
      full: task.read === "full",
      signal: backup.signal,
    });
    return { ...base, checksum: "ok", proof: { ...proof, at } };
  } catch (error) {
    backup.signal.throwIfAborted();
    const damage = task.read === "checksum" ? error : await damageOr(error, storage, prefix, artifact);
    if (damage instanceof EncryptionError && damage.code === "SEALED")
      return sealed("none of the private keys at hand opens it");
    return { ...base, checksum: "failed", proof: null, error: faultOf(damage, artifact, backup) };
  }
}

/** Damaged bytes fail in many ways on their way through a proof; that they are damaged is what an operator must read. */
async function damageOr(error: unknown, storage: Storage, prefix: string, artifact: Artifact): Promise<unknown> {
  try {
    await checkArtifact(storage, prefix, artifact);
    return error;
  } catch (damage) {
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

function logFaults(backup: Backup, verification: Verification): void {
  const log = backup.log.with({ job: verification.job });
  const errors = [
    ...verification.faults,
    ...verification.artifacts.flatMap(({ error }) => (error === undefined ? [] : [error])),
  ];
  for (const { code, message } of errors) log.error(message, { code, snapshot: verification.snapshot });
}
