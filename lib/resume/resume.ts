import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import type { Encryption } from "../encryption/encryption.ts";
import { IntegrityError, NotFoundError } from "../errors.ts";
import { openedEncryption } from "../job-encryption.ts";
import { resumedKey, runKey } from "../keys.ts";
import type { LeasedBackup } from "../lease/under-lease.ts";
import { documentBytes, parseDocument } from "../manifest.ts";
import { isSameChoice } from "../narrow.ts";
import { type PlanLine, readPlan } from "../plan-line.ts";
import { isRefusal, putDocument } from "../put-document.ts";
import { isAhead, unfinishedSinceLast } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";
import { wasAtWorkWithin } from "./at-work.ts";
import { configurationDigest, type RunDocument, runDocumentSchema } from "./run-document.ts";
import { allResumed } from "./times-resumed.ts";

/** `within`: as the job's `resume_within` says; `always`: however old; `never`. */
export type ResumeMode = "within" | "always" | "never";

/** A run that was ended before its time, and that can be taken up again. */
export interface UnfinishedRun {
  readonly snapshot: string;
  readonly run: string;
  readonly units: number;
}

/** A run that is taken up, or a new one. */
export interface BegunRun extends UnfinishedRun {
  /** How often, this time included; 0 for one that never was. */
  readonly resumed: number;
  readonly resumedAt: readonly string[];
}

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/**
 * The newest unfinished run of the job, unless a snapshot was made since. One that is too old, or whose plan does not fit
 * the configuration any more, is passed over with a line in the log that says why. Reads only.
 */
export async function findUnfinished(
  backup: Backup,
  job: Job,
  mode: ResumeMode,
  only?: readonly string[],
): Promise<UnfinishedRun | undefined> {
  if (mode === "never" || (mode === "within" && job.resumeWithinMs === 0)) return undefined;
  const storage = await backup.storage(job);
  const log = backup.log.with({ job: job.name });
  for await (const snapshot of unfinishedSinceLast(storage, job.name, backup.now())) {
    const found = await examine(backup, job, storage, snapshot, mode, only);
    if (typeof found !== "string") return found;
    log.info(`an unfinished run is not taken up again: ${found}`, { snapshot });
  }
  return undefined;
}

/** Takes it up again, for which the job's lease has to be held. */
export async function resume(backup: LeasedBackup, job: Job, found: UnfinishedRun): Promise<BegunRun> {
  const storage = await backup.storage(job);
  const now = backup.now().toISOString();
  const { snapshot, run } = found;
  for (;;) {
    const before = await allResumed(storage, job.name, snapshot);
    const resumed = before.count + 1;
    const key = resumedKey(job.name, snapshot, resumed);
    const resumedAt = [...before.resumedAt, now];
    try {
      await putDocument(storage, key, documentBytes({ run, resumedAt }), { ifAbsent: true });
      return { ...found, resumed, resumedAt };
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
}

/** What can be taken up, or why it cannot. */
async function examine(
  backup: Backup,
  job: Job,
  storage: Storage,
  snapshot: string,
  mode: ResumeMode,
  only: readonly string[] | undefined,
): Promise<UnfinishedRun | string> {
  if (mode === "within" && isAhead(snapshot, backup.now())) return "it is dated after now";
  if (mode === "within" && !(await wasAtWorkWithin(storage, job, snapshot, backup.now())))
    return "it was last at work longer ago than resume_within; see run --resume";
  const document = await readRun(storage, job.name, snapshot);
  if (document === undefined) return "its plan was not completed";
  if (typeof document === "string") return document;
  if (!isSameChoice(document.only, only)) return "it is for other units of the job than this run";
  if (document.service !== job.service || document.configuration !== configurationDigest(job))
    return "the job's configuration has changed since";
  if (!(await isEncryptedAs(await openedEncryption(backup, job), document)))
    return "the job's encryption has changed since";
  const why = await whyNotReadable(storage, job.name, snapshot, document);
  return why ?? { snapshot, run: document.run, units: document.units };
}

async function isEncryptedAs(encryption: Encryption | undefined, { encryption: then }: RunDocument): Promise<boolean> {
  if (encryption === undefined || then === null) return encryption === undefined && then === null;
  return encryption.type === then.type && (await encryption.isFor(then.recipients));
}

/** Of another version, perhaps: then its lines are not ours to read. */
async function whyNotReadable(storage: Storage, job: string, snapshot: string, { run, units }: RunDocument) {
  try {
    let count = 0;
    const isOurs = (line: PlanLine) => line.n === count && line.run === run;
    for await (const line of readPlan(storage, { job, snapshot })) {
      if (!isOurs(line)) return "its plan is not that of its run";
      count += 1;
    }
    return count === units ? undefined : "its plan is not whole";
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof IntegrityError)
      return `its plan cannot be read: ${error.message}`;
    throw error;
  }
}

/** What was planned, and what for. @throws IntegrityError where the document of the run is damaged or gone */
export async function plannedRun(
  storage: Storage,
  { job, snapshot }: { readonly job: string; readonly snapshot: string },
): Promise<RunDocument> {
  const document = await readRun(storage, job, snapshot);
  if (typeof document === "object") return document;
  const why = document ?? "it is gone";
  throw new IntegrityError("INTEGRITY_MANIFEST", `what run ${snapshot} of ${job} was for is not known: ${why}`);
}

async function readRun(storage: Storage, job: string, snapshot: string): Promise<RunDocument | string | undefined> {
  const key = runKey(job, snapshot);
  try {
    return parseDocument(runDocumentSchema, key, (await storage.read(key, MAX_DOCUMENT_BYTES)).content);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (error instanceof RangeError || error instanceof IntegrityError) return `it cannot be read: ${error.message}`;
    throw error;
  }
}
