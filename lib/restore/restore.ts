import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { readArtifact } from "../artifact.ts";
import type { Backup } from "../backup.ts";
import type { RestoredArtifact } from "../connectors/connector.ts";
import type { Decryption } from "../encryption/encryption.ts";
import { type ErrorRecord, errorRecord, RefusedError } from "../errors.ts";
import { snapshotPrefix, unitFolder } from "../keys.ts";
import type { Artifact, Manifest, ManifestUnit } from "../manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { incompleteUnits, type RestorableChoice, restorable } from "./restorable.ts";
import { clearAbandoned, lookAt, makeStaging } from "./restore-staging.ts";

export interface RestoreInput extends RestorableChoice {
  readonly to: string;
  /** Restore into a folder that is not empty. What lies under the same names is still never replaced. */
  readonly force: boolean;
}

export interface RestoredFile {
  /** Relative to `to`. */
  readonly path: string;
  readonly unit: string;
  readonly artifact: string;
}

export interface RestoreResult {
  readonly job: string;
  readonly snapshot: string;
  readonly files: readonly RestoredFile[];
  /** By unit, what is left to type in the folder that was restored to. Those of which nothing is left are not in here. */
  readonly next: readonly { readonly unit: string; readonly commands: readonly string[] }[];
  /** Units of which there is nothing to restore, or not everything, and why. */
  readonly incomplete: readonly { readonly unit: string; readonly reason: string }[];
}

/**
 * Brings artifacts back in usable form: `<to>/<unit>/…`. Each one is made in a folder of its own beside its place and
 * moved there once all its bytes have been compared, so nothing wrong ever lies under a final name. An artifact that
 * cannot be restored is `incomplete`, and the others are. One that is killed can be done again: what it had in the making is cleared
 * away, and where it had brought something to its place already, the error says what to remove.
 * @throws NotFoundError | RefusedError | IntegrityError | EncryptionError when nothing was restored
 */
export async function restore(backup: Backup, input: RestoreInput): Promise<RestoreResult> {
  const { job, storage, manifest, units, decryptions } = await restorable(backup, input);
  const target = resolve(input.to);
  await prepareTarget(target, units, input.force);
  const kind = backup.kind(manifest.service);
  const files: RestoredFile[] = [];
  const next: { unit: string; commands: readonly string[] }[] = [];
  const failed: { unit: string; error: unknown }[] = [];
  const staging = await makeStaging(target).catch((error: Error) => {
    throw new RefusedError(`${target} cannot be written to: ${error.message}`, { cause: error });
  });
  try {
    for (const unit of units) {
      const restored: RestoredArtifact[] = [];
      for (const artifact of unit.artifacts) {
        backup.signal.throwIfAborted();
        try {
          const places = { target, staging };
          const decryption = decryptions.of(artifact);
          const paths = await restoreArtifact(backup, storage, manifest, unit, artifact, decryption, places);
          files.push(...paths.map((path) => ({ path, unit: unit.id, artifact: artifact.path })));
          restored.push({ ...artifact, paths });
        } catch (error) {
          backup.signal.throwIfAborted();
          failed.push({ unit: unit.id, error });
        }
      }
      const commands = kind.next(restored);
      if (commands.length > 0) next.push({ unit: unit.id, commands });
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  // Of many units the others are worth having; of one there is nothing to say but why.
  const [first] = failed;
  if (first !== undefined && files.length === 0) throw first.error;
  const reasons = failed.map(({ unit, error }) => ({
    unit,
    reason: reasonOf(errorRecord(error, backup.redaction.redact)),
  }));
  return {
    job: job.name,
    snapshot: manifest.snapshot,
    files,
    next,
    incomplete: [...incompleteUnits(units), ...reasons],
  };
}

/** Refuses before the first byte, so that a refused restore has touched nothing. */
async function prepareTarget(target: string, units: readonly ManifestUnit[], force: boolean): Promise<void> {
  const present = await lookAt(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOTDIR" || error.code === "ELOOP")
      throw new RefusedError(`${target} is a file; --to takes a folder`);
    throw error;
  });
  const wasKilled = present !== undefined && present.abandoned.length > 0;
  const again = (folder: string) =>
    `${folder} holds a part of what a restore brought that was ended before its time: ` +
    `remove ${folder} and restore again, or restore to another folder`;
  if (present !== undefined && present.others.length > 0 && !force) {
    const anew = `${target} is not empty; give an empty folder, or --force to restore beside what is there`;
    throw new RefusedError(wasKilled ? again(target) : anew);
  }
  for (const unit of units) {
    const folder = placeOf(target, unit);
    const there = await readdir(folder).catch(() => []);
    if (there.length === 0 || present?.others.length === 0) continue;
    throw new RefusedError(wasKilled ? again(folder) : `${folder} is not empty; what is there is never replaced`);
  }
  await makeFolders(target);
  if (present !== undefined) await clearAbandoned(target, present);
}

/** One at a time: with `recursive` Node goes round in circles where a file system refuses folders, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path).catch(() => undefined))?.isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path || (await exists(dirname(path)))) {
      throw new RefusedError(`${path} cannot be made a folder to restore into: ${message}`, { cause: error });
    }
    await makeFolders(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function restoreArtifact(
  backup: Backup,
  storage: Storage,
  manifest: Manifest,
  unit: ManifestUnit,
  artifact: Artifact,
  decryption: Decryption | undefined,
  { target, staging }: { readonly target: string; readonly staging: string },
): Promise<string[]> {
  const kind = backup.kind(manifest.service);
  const place = placeOf(target, unit);
  const making = await mkdtemp(join(staging, "artifact-"));
  try {
    const bytes = readArtifact(storage, snapshotPrefix(manifest.job, manifest.snapshot), artifact, decryption);
    const made = await kind.restore(artifact, bytes, making, backup.signal);
    await mkdir(place, { recursive: true, mode: 0o700 });
    for (const name of made) {
      await mkdir(dirname(join(place, name)), { recursive: true, mode: 0o700 });
      await move(join(making, name), join(place, name));
    }
    backup.log.with({ job: manifest.job, unit: unit.id }).debug("restored", { artifact: artifact.path });
    return made.map((name) => relative(target, join(place, name)));
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Moving a folder changes its `..`, for which it must be writable: a restored one may be 0555. */
async function move(from: string, to: string): Promise<void> {
  const stats = await lstat(from);
  const { mode } = stats;
  const isLocked = stats.isDirectory() && (mode & 0o200) === 0;
  if (isLocked) await chmod(from, (mode & 0o7777) | 0o200);
  await rename(from, to);
  if (isLocked) await chmod(to, mode & 0o7777);
}

/** A manifest is data: a path in it decides nothing about where files are written. */
function placeOf(target: string, unit: ManifestUnit): string {
  return join(target, unitFolder(unit.id));
}

const reasonOf = ({ code, message }: ErrorRecord): string => `${code}: ${message}`;
