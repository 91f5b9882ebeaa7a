import { basename } from "node:path/posix";
import type { Encryption } from "../encryption/encryption.ts";
import { IntegrityError, NotFoundError } from "../errors.ts";
import { isEncryptedBy } from "../job-encryption.ts";
import { snapshotPrefix, unitFolder } from "../keys.ts";
import type { Log } from "../log.ts";
import type { Artifact } from "../manifest.ts";
import type { CollectInput } from "../plan-line.ts";
import { eachLimited } from "../pool.ts";
import { isRefusal } from "../put-document.ts";
import type { CopiedObject, Storage } from "../storage/storage.ts";
import type { UnitProgress } from "../unit-progress.ts";
import { previousRecord } from "./previous.ts";

export interface ReuseContext {
  readonly storage: Storage;
  readonly encryption: Encryption | undefined;
  readonly progress: UnitProgress;
  readonly onPending: (paths: readonly string[]) => Promise<void>;
  readonly log: Log;
}

const COPIES_AT_ONCE = 8;

/**
 * Gives an unchanged unit the artifacts of the snapshot it was collected in, by link or copy in the storage.
 * Answers false where there is nothing to reuse, or what should be there is not: then the unit is collected.
 */
export async function reuseArtifacts(input: CollectInput, context: ReuseContext): Promise<boolean> {
  const { storage, progress, onPending, log } = context;
  if (input.unit.reuse !== true || progress.resuming) return false;
  const there = await artifactsThere(input, context);
  if (there === undefined) return false;
  const { artifacts, snapshot } = there;
  const paths = artifacts.map((artifact) => pathIn(input, artifact));
  await onPending(paths);
  const taken: Artifact[] = [];
  let gone = false;
  await eachLimited(artifacts.entries(), COPIES_AT_ONCE, async ([n, artifact]) => {
    const path = paths[n];
    if (gone || path === undefined) return;
    const { reusedFrom: _, ...own } = artifact;
    const copy = await takeOver(storage, input, snapshot, own, path, log);
    if (copy === undefined) gone = true;
    else taken[n] = copy;
  });
  if (gone) {
    // A copy may lie under the name that is now collected into.
    progress.attempts += 1;
    return false;
  }
  progress.artifacts.push(...taken);
  return true;
}

/** Undefined where the record that the plan points at does not say the same any more as the manifest did. */
async function artifactsThere(
  input: CollectInput,
  { storage, encryption, log }: ReuseContext,
): Promise<{ readonly snapshot: string; readonly artifacts: readonly Artifact[] } | undefined> {
  const { previous } = input.unit;
  const record = await previousRecord(log, storage, input, previous);
  const isWhole = record?.status === "ok" || record?.status === "unchanged";
  if (previous === undefined || !isWhole || record.artifacts.length === 0) return undefined;
  if (record.fingerprint !== input.unit.fingerprint) return undefined;
  for (const artifact of record.artifacts) if (!(await isEncryptedBy(encryption, artifact))) return undefined;
  return { snapshot: previous.snapshot, artifacts: record.artifacts };
}

/** Where an artifact of the last snapshot lies in this one: the unit may have another name by now. */
export const pathIn = (input: CollectInput, artifact: Artifact): string =>
  `${unitFolder(input.unit.id)}/${basename(artifact.path)}`;

/** Its copy out of `snapshot`; undefined when it is not there any more, or is not what it should be. What is stored was announced as pending. */
export async function takeOver(
  storage: Storage,
  input: CollectInput,
  snapshot: string,
  artifact: Artifact,
  path: string,
  log: Log,
): Promise<Artifact | undefined> {
  const { unconfirmedCopy: _, ...original } = artifact;
  try {
    const from = snapshotPrefix(input.job, snapshot) + artifact.path;
    const copied = await copyOver(storage, from, snapshotPrefix(input.job, input.snapshot) + path);
    if (copied.bytes !== artifact.bytes) throw new IntegrityError("INTEGRITY_MISMATCH", `${from} has another size`);
    return { ...original, path, ...(copied.unconfirmed === undefined ? {} : { unconfirmedCopy: copied.unconfirmed }) };
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof IntegrityError)) throw error;
    log.warn(`cannot be reused from snapshot ${snapshot}, so it is collected: ${error.message}`);
    return undefined;
  }
}

/** Where something lies, an attempt or a process before us has left it, and it is replaced. */
async function copyOver(storage: Storage, from: string, to: string): Promise<CopiedObject> {
  try {
    return await storage.copy(from, to, { ifAbsent: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return storage.copy(from, to);
  }
}
