import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { decryptionsFor } from "./decryptions.ts";
import { CodedError, type ErrorCode, type ErrorRecord, errorRecord, StorageError } from "./errors.ts";
import { isProved, withFailedProof } from "./failed-proof.ts";
import { findJob } from "./jobs.ts";
import type { ArtifactVerification, Verification } from "./manifest.ts";
import { manifestFaults } from "./manifest-faults.ts";
import { eachLimited } from "./pool.ts";
import { recordVerification } from "./record-verification.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { findChosen } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { type ArtifactsOf, unreadOf, verifyArtifact } from "./verify-artifact.ts";
import { type ArtifactTask, type VerifyMode, verifyTasks } from "./verify-tasks.ts";

export interface VerifyInput {
  readonly job: string;
  /** A snapshot id or `latest`. */
  readonly snapshot: string;
  readonly mode: VerifyMode;
}

/** What is to be verified of a snapshot, and what with. */
export interface Verifying extends ArtifactsOf {
  readonly tasks: readonly ArtifactTask[];
}

/**
 * Reads back and compares with the manifest, and writes verified.json. Faults are results: `ok` is false and each
 * artifact that is wrong carries its error. Needs no lease: a snapshot can be proved while a run of its job goes on.
 * @throws NotFoundError for a snapshot that is not there; StorageError | TransientError when the storage cannot be read;
 * EncryptionError `SEALED` when the job's own private key (`policy`) does not open what is encrypted for it
 */
export async function verify(backup: Backup, input: VerifyInput): Promise<Verification> {
  const begun = backup.now();
  const verifying = await beginVerifying(backup, input);
  return conclude(backup, verifying, { begun, ...(await verifyEach(backup, verifying)) });
}

/** Finds out what is to be done, and does nothing of it yet. @throws as `verify` */
export async function beginVerifying(backup: Backup, input: VerifyInput): Promise<Verifying> {
  const opened = await openArtifacts(backup, input);
  const { job, storage, entry, decryptions } = opened;
  const tasks = await verifyTasks(storage, job, entry, input.mode, decryptions.isSealed);
  return { ...opened, tasks };
}

/** The snapshot, and the private keys that its artifacts are proved with. @throws as `verify` */
export async function openArtifacts(backup: Backup, input: VerifyInput): Promise<ArtifactsOf> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  const entry = await findChosen(storage, job.name, input.snapshot, backup.now());
  const artifacts = entry.manifest?.units.flatMap((unit) => unit.artifacts) ?? [];
  // Keys that nothing will be proved with are not asked for.
  const decryptions = await decryptionsFor(backup, job, isProving(job, input.mode) ? artifacts : []);
  return { job, storage, entry, decryptions, mode: input.mode };
}

const UNABLE: ReadonlySet<ErrorCode> = new Set(["SCRATCH_FULL", "PROOF_ABORTED", "ENCRYPTION_FAILED"]);
/** The bytes were the right ones, and this machine could not prove them: that says nothing of the others. */
export const isMachineUnable = ({ code }: Pick<ErrorRecord, "code">): boolean => UNABLE.has(code);

/** One that cannot be read must not hide that another one is damaged; a storage that is down is not asked for each. */
const MOST_UNREAD = 3;

/** What was found before something kept the rest from being looked at. */
export interface Looked {
  /** In the order of the tasks; of those that could not be read there is none. */
  readonly results: readonly ArtifactVerification[];
  /** Why they are not all that there is to know. */
  readonly failure?: CodedError;
}

/** Throws only where it is told to stop: what else goes wrong is `failure`. */
export async function verifyEach(
  backup: Backup,
  { tasks, ...of }: ArtifactsOf & Pick<Verifying, "tasks">,
): Promise<Looked> {
  const results: ArtifactVerification[] = [];
  const { job } = of;
  const failures: CodedError[] = [];
  let unread = 0;
  backup.emit({ type: "verifying", job: job.name, artifacts: tasks.filter((task) => task.read !== "no").length });
  await eachLimited(tasks.entries(), job.concurrency, async ([n, task]) => {
    backup.signal.throwIfAborted();
    if (unread >= MOST_UNREAD) return;
    try {
      results[n] = await verifyArtifact(backup, of, task);
    } catch (error) {
      backup.signal.throwIfAborted();
      if (!(error instanceof CodedError)) throw error;
      failures.push(error);
      if (isMachineUnable(error)) results[n] = unproved(task, backup.now());
      else {
        unread += 1;
        if (task.inherited !== undefined) results[n] = unreadOf(task.inherited);
      }
    }
    backup.emit({ type: "verified", job: job.name, path: task.artifact.path });
  });
  const [failure] = failures;
  return { results: results.filter((one) => one !== undefined), ...(failure === undefined ? {} : { failure }) };
}

function unproved({ artifact, inherited }: ArtifactTask, now: Date): ArtifactVerification {
  const right = { path: artifact.path, checkedAt: now.toISOString(), checksum: "ok" as const };
  return withFailedProof({ ...right, proof: inherited?.proof ?? null }, inherited?.failedProof);
}

/** Of each artifact what was found, and when the first of them was read. */
export interface Found extends Looked, Pick<Verification, "parts"> {
  readonly begun: Date;
}

/**
 * Writes verified.json from what was found. Where not all could be looked at, damage that was found is written all the same.
 * @throws the `failure` where there was none; as `verify`
 */
export async function conclude(
  backup: Backup,
  { job, storage, entry, mode }: Pick<Verifying, "job" | "storage" | "entry" | "mode">,
  { begun, results, failure, parts }: Found,
): Promise<Verification> {
  const faults = await manifestFaults(storage, entry);
  const isDamaged = faults.length > 0 || results.some(({ error }) => error !== undefined);
  if (failure !== undefined && !isDamaged) throw failure;
  const verification: Verification = {
    schemaVersion: 1,
    job: job.name,
    snapshot: entry.snapshot,
    // The first digest ever seen stays: a manifest that was changed must not become right by being verified twice.
    manifestSha256: entry.verification?.manifestSha256 ?? entry.manifestSha256,
    ok: !isDamaged,
    verifiedAt: backup.now().toISOString(),
    durationMs: Math.max(0, backup.now().getTime() - begun.getTime()),
    ...(parts === undefined ? {} : { parts }),
    proved: results.filter(isProved).length,
    artifacts: [...results],
    faults: [...faults],
  };
  const recorded = await record(backup, storage, entry, verification, mode);
  logFaults(backup, recorded);
  if (failure !== undefined) {
    const { message, code } = errorRecord(failure, backup.redaction.redact);
    backup.log.with({ job: job.name }).error(`and not all could be looked at: ${message}`, { code });
  }
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
  // What another key or another version verified is not to be replaced by what is known without it.
  if (entry.mayBeGood !== undefined) {
    backup.log.with({ job }).warn(`what was found is not recorded: ${entry.mayBeGood}`, { snapshot });
    // Not recorded it makes the snapshot no good one: that is no success.
    const faults = [...verification.faults, ...(entry.unread === undefined ? [] : [entry.unread])];
    return { ...verification, ok: false, faults };
  }
  try {
    return await recordVerification(storage, entry, verification);
  } catch (error) {
    if (mode === "policy" || !(error instanceof StorageError)) throw error;
    backup.log.with({ job }).warn(`what was found cannot be recorded: ${error.message}`, { snapshot });
    return verification;
  }
}

function logFaults(backup: Backup, verification: Verification): void {
  const log = backup.log.with({ job: verification.job });
  const errors = [
    ...verification.faults,
    ...verification.artifacts.flatMap(({ error }) => (error === undefined ? [] : [error])),
  ];
  for (const { code, message } of errors) log.error(message, { code, snapshot: verification.snapshot });
}
