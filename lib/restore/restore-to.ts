import { checkArtifact, readArtifact } from "../artifact.ts";
import type { Backup } from "../backup.ts";
import type { Facts, RestorableUnit, RestoreTarget } from "../connectors/connector.ts";
import { NotFoundError, RefusedError } from "../errors.ts";
import { snapshotPrefix } from "../keys.ts";
import type { ManifestUnit } from "../manifest.ts";
import { incompleteUnits, type Restorable, type RestorableChoice, restorable } from "./restorable.ts";

export interface RestoreToInput extends RestorableChoice {
  /** The name of a target of the job's service: `volume`. */
  readonly target: string;
  readonly place: string;
  readonly force: boolean;
}

export interface RestoreToResult {
  readonly job: string;
  readonly snapshot: string;
  readonly target: string;
  readonly place: string;
  readonly units: readonly { readonly unit: string; readonly detail: string; readonly facts: Facts }[];
  /** Units of which there was not everything, and why. */
  readonly incomplete: readonly { readonly unit: string; readonly reason: string }[];
}

/**
 * Brings units back to a place of their source's kind: a volume, a server. All stored bytes are compared with the
 * manifest before the place is touched, because what arrives there cannot be taken back.
 * @throws NotFoundError | RefusedError | IntegrityError, and what the target throws
 */
export async function restoreTo(backup: Backup, input: RestoreToInput): Promise<RestoreToResult> {
  const chosen = await restorable(backup, input);
  const { job, manifest } = chosen;
  if (job.service !== manifest.service) {
    throw new RefusedError(
      `${manifest.snapshot} is of service ${manifest.service}, and ${job.name} is now a job of service ${job.service}`,
    );
  }
  const target = targetOf(backup, job.service, input.target);
  const units = chosen.units.filter(({ artifacts }) => artifacts.length > 0);
  const [first] = units;
  if (first === undefined)
    throw new NotFoundError(`there is nothing stored of ${input.unit ?? "any unit"} in ${manifest.snapshot}`);
  if (units.length > 1 && !target.takesManyUnits) {
    throw new RefusedError(
      `${input.place} takes one unit, and ${manifest.snapshot} has ${units.length}: name one with --unit (${units
        .slice(0, 20)
        .map(({ id }) => id)
        .join(", ")})`,
    );
  }
  for (const unit of units) await checkStored(backup, chosen, unit);
  const restored: RestoreToResult["units"][number][] = [];
  for (const unit of units) {
    backup.signal.throwIfAborted();
    const { detail, facts } = await target.restore(readable(chosen, unit), input.place, job.options, {
      secrets: backup.secrets,
      redaction: backup.redaction,
      now: backup.now,
      force: input.force,
      signal: backup.signal,
    });
    restored.push({ unit: unit.id, detail, facts });
  }
  return {
    job: job.name,
    snapshot: manifest.snapshot,
    target: input.target,
    place: input.place,
    units: restored,
    incomplete: incompleteUnits(chosen.units),
  };
}

function targetOf(backup: Backup, service: string, name: string): RestoreTarget {
  const target = backup.kind(service).targets.find((one) => one.name === name);
  if (target === undefined) throw new RefusedError(`what ${service} stores cannot be restored with --to-${name}`);
  return target;
}

async function checkStored(backup: Backup, { job, storage, manifest }: Restorable, unit: ManifestUnit): Promise<void> {
  for (const artifact of unit.artifacts) {
    backup.signal.throwIfAborted();
    await checkArtifact(storage, snapshotPrefix(job.name, manifest.snapshot), artifact, backup.signal);
  }
}

function readable({ job, storage, manifest, decryptions }: Restorable, unit: ManifestUnit): RestorableUnit {
  const prefix = snapshotPrefix(job.name, manifest.snapshot);
  const artifacts = unit.artifacts.map((artifact) => ({
    ...artifact,
    open: () => readArtifact(storage, prefix, artifact, decryptions.of(artifact)),
  }));
  return { id: unit.id, artifacts };
}
