import { noKeyOf } from "../artifact.ts";
import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { type Decryptions, decryptionsFor } from "../decryptions.ts";
import { EncryptionError, IntegrityError, NotFoundError } from "../errors.ts";
import { findJob } from "../jobs.ts";
import type { Manifest, ManifestUnit } from "../manifest.ts";
import { manifestFaults } from "../manifest-faults.ts";
import { findRestorable } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";

export interface RestorableChoice {
  readonly job: string;
  /** A snapshot id, or `latest`, which is the default. */
  readonly snapshot?: string | undefined;
  /** A unit's id; all units when absent. */
  readonly unit?: string | undefined;
}

/** What is to be restored. Its manifest was found to be the one that was stored. */
export interface Restorable {
  readonly job: Job;
  readonly storage: Storage;
  readonly manifest: Manifest;
  readonly units: readonly ManifestUnit[];
  readonly decryptions: Decryptions;
}

/** @throws NotFoundError | IntegrityError as its manifest is at fault | EncryptionError `SEALED` when nothing of it can be opened */
export async function restorable(backup: Backup, choice: RestorableChoice): Promise<Restorable> {
  const job = findJob(backup.config, choice.job);
  const storage = await backup.storage(job);
  const entry = await findRestorable(storage, job.name, choice, backup.now());
  const [fault] = await manifestFaults(storage, entry);
  if (fault !== undefined) throw new IntegrityError(fault.code, `${job.name} ${entry.snapshot}: ${fault.message}`);
  const { manifest } = entry;
  if (manifest === undefined) throw new IntegrityError("INTEGRITY_MANIFEST", `${entry.snapshot} has no manifest`);
  const units = chosenUnits(manifest, choice.unit);
  return { job, storage, manifest, units, decryptions: await openedFor(backup, job, units) };
}

function chosenUnits(manifest: Manifest, id: string | undefined): readonly ManifestUnit[] {
  if (id === undefined) return manifest.units;
  const unit = manifest.units.find((one) => one.id === id);
  if (unit !== undefined) return [unit];
  const known = manifest.units.slice(0, 20).map((one) => one.id);
  throw new NotFoundError(`snapshot ${manifest.snapshot} has no unit ${id}; it has ${known.join(", ")}`);
}

async function openedFor(backup: Backup, job: Job, units: readonly ManifestUnit[]): Promise<Decryptions> {
  const artifacts = units.flatMap((unit) => unit.artifacts);
  const decryptions = await decryptionsFor(backup, job, artifacts);
  const sealed = artifacts.filter(decryptions.isSealed);
  const [type] = sealed.flatMap(({ encryption }) => encryption?.type ?? []);
  if (type !== undefined && sealed.length === artifacts.length) {
    throw new EncryptionError("SEALED", `what is stored is encrypted, and ${noKeyOf(type)}`);
  }
  return decryptions;
}

/** Units of which there is not everything, and why. */
export function incompleteUnits(units: readonly ManifestUnit[]): { unit: string; reason: string }[] {
  return units.flatMap(({ id, error }) =>
    error === undefined ? [] : [{ unit: id, reason: `${error.code}: ${error.message}` }],
  );
}
