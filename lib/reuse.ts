import type { Unit } from "./connectors/connector.ts";
import { type DamageSeen, damageSeen } from "./damage.ts";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { snapshotPrefix } from "./keys.ts";
import type { Log } from "./log.ts";
import type { ManifestUnit } from "./manifest.ts";
import type { CollectInput, PlanLine } from "./plan-line.ts";
import { snapshotsNewestFirst } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import type { UnitProgress } from "./unit-progress.ts";

/** What earlier snapshots know of the units that a run lists. */
export interface KnownUnits {
  of(unit: Unit): Pick<PlanLine, "previous" | "reuse">;
}

/**
 * Of the newest snapshot whose bytes were verified. A partial one counts too, for the units in it that are whole:
 * otherwise one repository that fails for weeks would have all the others collected anew each night.
 */
export async function knownUnits(storage: Storage, job: string): Promise<KnownUnits> {
  const damage = damageSeen();
  for await (const entry of snapshotsNewestFirst(storage, job)) {
    damage.see(entry);
    if (!entry.verified || entry.manifest === undefined) continue;
    const whole = entry.manifest.units.filter((unit) => unit.status === "ok" || unit.status === "unchanged");
    const units = new Map(whole.map((unit) => [unit.id, unit]));
    const snapshot = entry.snapshot;
    return { of: (unit) => knownOf(unit, snapshot, units.get(unit.id), damage) };
  }
  return { of: () => ({}) };
}

function knownOf(
  unit: Unit,
  snapshot: string,
  before: ManifestUnit | undefined,
  damage: DamageSeen,
): Pick<PlanLine, "previous" | "reuse"> {
  if (before === undefined || before.artifacts.length === 0) return {};
  const sourceBytes = before.artifacts.reduce((total, artifact) => total + artifact.sourceBytes, 0);
  const previous = { snapshot, sourceBytes };
  const same = unit.fingerprint !== undefined && unit.fingerprint === before.fingerprint;
  return same && !before.artifacts.some(damage.has) ? { previous, reuse: before.artifacts } : { previous };
}

/**
 * Gives an unchanged unit the artifacts of the snapshot it was collected in, by link or copy in the storage.
 * Answers false where there is nothing to reuse, or what should be there is not: then the unit is collected.
 */
export async function reuseArtifacts(
  storage: Storage,
  input: CollectInput,
  progress: UnitProgress,
  onPending: (path: string) => Promise<void>,
  log: Log,
): Promise<boolean> {
  const { reuse, previous } = input.unit;
  if (reuse === undefined || previous === undefined) return false;
  try {
    for (const artifact of reuse) {
      await onPending(artifact.path);
      const from = snapshotPrefix(input.job, previous.snapshot) + artifact.path;
      const copied = await storage.copy(from, snapshotPrefix(input.job, input.snapshot) + artifact.path);
      if (copied.bytes !== artifact.bytes) throw new IntegrityError("INTEGRITY_MISMATCH", `${from} has another size`);
      progress.artifacts.push(artifact);
    }
    return true;
  } catch (error) {
    if (!(error instanceof NotFoundError || error instanceof IntegrityError)) throw error;
    log.warn(`cannot be reused from snapshot ${previous.snapshot}, so it is collected: ${error.message}`);
    // A copy may lie under the name that is now collected into.
    progress.attempts += 1;
    progress.artifacts = [];
    return false;
  }
}
