import type { Unit, UnitBefore } from "./connectors/connector.ts";
import { type DamageSeen, damageSeen } from "./damage.ts";
import type { Encryption } from "./encryption/encryption.ts";
import { wholeOf } from "./identity.ts";
import { isEncryptedBy } from "./job-encryption.ts";
import { isGood } from "./job-history.ts";
import type { ManifestUnit } from "./manifest.ts";
import type { PlanLine, UnitPointer } from "./plan-line.ts";
import { itemName } from "./resume/previous.ts";
import { isNarrowed, pastSnapshots } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** What earlier snapshots know of the units that a run lists. */
export interface KnownUnits {
  of(unit: Unit): Promise<Pick<PlanLine, "previous" | "salvage" | "reuse">>;
  all(): readonly UnitBefore[];
  /** Where the unit was collected then. */
  compute(unit: Unit): Unit["compute"] | undefined;
}

interface Known {
  readonly snapshot: string;
  readonly n: number;
  /** How often that run was taken up again. */
  readonly resumed: number;
  readonly unit: ManifestUnit;
}

/**
 * How far back a unit that failed is looked for: a month of nights, and on to the newest good snapshot, however old. A unit
 * whose past is forgotten would be taken for new: a right that it lost would no longer be missed.
 */
const LOOK_BACK = 30;
/** A line of the plan stays short. */
const MAX_DAMAGED = 100;
const MAX_SALVAGE = 10;

/**
 * Of the newest snapshot whose bytes were verified. A partial one counts too, for the units in it that are whole:
 * otherwise one repository that fails for weeks would have all the others collected anew each night. Those that failed
 * in it are looked for in the ones before, so that what a unit once held is not forgotten by failing once. Of one that was
 * narrowed to some units, all others are looked for in the ones before. What a failed unit stored is known beside that: it is missed when it is
 * not listed any more, and what of it is still the source's is not collected again. What was
 * encrypted otherwise than `encryption` does it is not reused: a recipient that was taken out must not go on reading.
 */
export async function knownUnits(
  storage: Storage,
  job: string,
  encryption: Encryption | undefined,
  now: Date,
): Promise<KnownUnits> {
  const damage = damageSeen();
  const known = new Map<string, Known>();
  const salvage = new Map<string, readonly Known[]>();
  let failed: Set<string> | undefined;
  let looked = 0;
  let hasGood = false;
  for await (const entry of pastSnapshots(storage, job, now)) {
    damage.see(entry);
    if (!entry.verified || entry.manifest === undefined) continue;
    const { units, resumedAt = [] } = entry.manifest;
    const isOfAll = failed === undefined && !isNarrowed(entry);
    const resumed = resumedAt.length;
    for (const [n, unit] of units.entries()) {
      // What was not shown to us failed without an identity, under the id that it had.
      const keys = [keyOf(unit), keyOf({ id: unit.id })];
      const isLookedFor = failed === undefined || keys.some((key) => failed?.has(key));
      if (!isLookedFor) continue;
      if (isWhole(unit)) for (const key of keys) failed?.delete(key);
      else if (unit.artifacts.length === 0) continue;
      if (known.has(keyOf(unit))) continue;
      const found = { snapshot: entry.snapshot, n, resumed, unit };
      if (isWhole(unit)) known.set(keyOf(unit), found);
      else salvage.set(keyOf(unit), withMore(salvage.get(keyOf(unit)), found));
    }
    if (isOfAll) failed = failedOf(units, known);
    looked += 1;
    hasGood ||= isGood(entry);
    if (failed?.size === 0 || (looked >= LOOK_BACK && hasGood)) break;
  }
  const formOf = <T>(units: ReadonlyMap<string, T>, unit: Unit): T | undefined => {
    const whole = wholeOf(unit.identity);
    return units.get(keyOf(unit)) ?? (whole === undefined ? undefined : units.get(keyOf({ ...unit, identity: whole })));
  };
  const either = new Map(salvage);
  for (const [key, one] of known) either.set(key, [one]);
  return {
    async of(unit) {
      const left = formOf(salvage, unit);
      return {
        ...(await knownOf(unit, formOf(known, unit), damage, encryption)),
        ...(left === undefined ? {} : { salvage: left.map((one) => pointerTo(one, damage)) }),
      };
    },
    all: () => [...either.values()].flatMap(beforeOf),
    compute: (unit) => either.get(keyOf(unit))?.[0]?.unit.compute,
  };
}

const failedOf = (units: readonly ManifestUnit[], known: ReadonlyMap<string, Known>): Set<string> =>
  new Set(
    units
      .filter(({ status }) => status === "failed")
      .map(keyOf)
      .filter((key) => !known.has(key)),
  );

const isWhole = ({ status }: ManifestUnit): boolean => status === "ok" || status === "unchanged";
const keyOf = ({ identity, id }: Pick<Unit, "identity" | "id">): string =>
  JSON.stringify([identity ?? null, identity === undefined ? id : null]);

/** An older run in which the unit failed counts where it holds what the newer ones do not: one that was cut short must not hide what a longer one stored. */
function withMore(newer: readonly Known[] = [], found: Known): readonly Known[] {
  if (newer.length === MAX_SALVAGE) return newer;
  const held = new Set(newer.flatMap(({ unit }) => unit.artifacts.map(itemName)));
  return found.unit.artifacts.every((artifact) => held.has(itemName(artifact))) ? newer : [...newer, found];
}

/** The newest says what it is called. */
function beforeOf(records: readonly Known[]): readonly UnitBefore[] {
  const artifacts = records.flatMap(({ unit }) => unit.artifacts);
  return records.slice(0, 1).map(({ snapshot, unit: { id, identity } }) => ({
    id,
    identity,
    snapshot,
    facts: (item) => artifacts.find((artifact) => itemName(artifact) === item)?.facts,
  }));
}

async function knownOf(
  unit: Unit,
  known: Known | undefined,
  damage: DamageSeen,
  encryption: Encryption | undefined,
): Promise<Pick<PlanLine, "previous" | "reuse">> {
  const artifacts = known?.unit.artifacts ?? [];
  if (known === undefined || artifacts.length === 0) return {};
  const previous = pointerTo(known, damage);
  // A part is not the whole, whatever its fingerprint.
  const same =
    unit.fingerprint !== undefined &&
    unit.fingerprint === known.unit.fingerprint &&
    unit.identity === known.unit.identity;
  if (!same || previous.damaged !== undefined) return { previous };
  for (const artifact of artifacts) if (!(await isEncryptedBy(encryption, artifact))) return { previous };
  return { previous, reuse: true };
}

function pointerTo({ snapshot, n, resumed, unit: { artifacts } }: Known, damage: DamageSeen): UnitPointer {
  const damaged = artifacts.filter(damage.has).map(({ path }) => path);
  return {
    snapshot,
    n,
    ...(resumed === 0 ? {} : { resumed }),
    sourceBytes: artifacts.reduce((total, artifact) => total + artifact.sourceBytes, 0),
    ...(damaged.length === 0 ? {} : { damaged: damaged.length > MAX_DAMAGED ? "all" : damaged }),
  };
}
