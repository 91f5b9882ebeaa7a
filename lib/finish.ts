import { commit } from "./commit.ts";
import { IntegrityError } from "./errors.ts";
import { wholeOf } from "./identity.ts";
import { findJob } from "./jobs.ts";
import { snapshotPrefix, snapshotTime } from "./keys.ts";
import type { LeasedBackup } from "./lease/under-lease.ts";
import { type Manifest, type ManifestUnit, type ManifestWarning, type UnitRecord, unitOfRecord } from "./manifest.ts";
import { type PlanLine, type RunPointer, readPlan } from "./plan-line.ts";
import { eachLimited } from "./pool.ts";
import { readRecord } from "./record.ts";
import { plannedRun } from "./resume/resume.ts";
import { timesResumed } from "./resume/times-resumed.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { snapshotsBefore } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { tool } from "./tool.ts";
import { statusOf, totalsOf } from "./totals.ts";

const RECORDS_AT_ONCE = 16;

/**
 * Makes the snapshot exist: plan and records become SHA256SUMS and, last, manifest.json. Every unit of the plan is in
 * it; one without a record, or with a damaged one, is `UNIT_LOST`. `more` are warnings of the run that are no unit's. Called again for a
 * finished run, it answers the manifest that is there.
 * @throws StorageError | TransientError | IntegrityError | LeaseLostError, and then there is no snapshot
 */
export async function finish(
  backup: LeasedBackup,
  pointer: RunPointer,
  more: readonly ManifestWarning[] = [],
): Promise<Manifest> {
  const job = findJob(backup.config, pointer.job);
  const storage = await backup.storage(job);
  const { units, warnings } = await readUnits(storage, pointer);
  const planned = await plannedRun(storage, pointer);
  // Each line has a seal of its own: one that is not there has none to be wrong.
  if (units.length !== planned.units) {
    const message = `the plan of ${pointer.job} ${pointer.snapshot} holds ${planned.units} units, and ${units.length} of them could be read`;
    throw new IntegrityError("INTEGRITY_MANIFEST", message);
  }
  await confirmStored(storage, pointer, units);
  const { only } = planned;
  const { last, lastWhole } = await snapshotsBefore(storage, job.name, pointer.snapshot);
  warnings.push(...(only === undefined ? absent(lastWhole, units) : []), ...more);
  if (units.length === 0)
    warnings.push({ code: "SOURCE_EMPTY", message: "the plan holds no units: nothing was stored" });
  const resumedAt = await timesResumed(storage, job.name, pointer.snapshot, pointer.resumed);
  const startedAt = snapshotTime(pointer.snapshot) ?? backup.now();
  const finishedAt = backup.now();
  const manifest: Manifest = {
    schemaVersion: 1,
    tool,
    job: job.name,
    service: job.service,
    run: pointer.run,
    snapshot: pointer.snapshot,
    status: statusOf(units),
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    durationMs: Math.max(0, finishedAt.getTime() - startedAt.getTime()),
    ...(resumedAt.length === 0 ? {} : { resumedAt: [...resumedAt] }),
    ...(only === undefined ? {} : { only: [...only] }),
    totals: totalsOf(units),
    units,
    warnings,
    previous: last === undefined ? null : { snapshot: last.snapshot, manifestSha256: last.manifestSha256 },
  };
  return commit(backup, storage, pointer, manifest);
}

async function readUnits(storage: Storage, pointer: RunPointer) {
  const units: ManifestUnit[] = [];
  const warnings: ManifestWarning[] = [];
  await eachLimited(readPlan(storage, pointer), RECORDS_AT_ONCE, async (line) => {
    if (line.run !== pointer.run) {
      throw new IntegrityError("INTEGRITY_MANIFEST", `the plan of ${pointer.job} ${pointer.snapshot} is another run's`);
    }
    const record = await recordOf(storage, pointer, line);
    units[line.n] = typeof record === "string" ? lost(line, record) : unitOfRecord(record);
    warnings.push(...(line.warnings ?? []).map((warning) => ({ ...warning, unit: line.id })));
    if (typeof record !== "string") warnings.push(...record.warnings);
  });
  return { units, warnings };
}

/** Or why there is none. A damaged one loses its unit and not the run: it would be as damaged the next time. */
async function recordOf(storage: Storage, pointer: RunPointer, line: PlanLine): Promise<UnitRecord | string> {
  try {
    const record = await readRecord(storage, pointer, line.n);
    return record ?? "the unit has no record: it never began, or what it did was lost";
  } catch (error) {
    if (error instanceof IntegrityError) return `what the unit did is not known: ${error.message}`;
    throw error;
  }
}

function lost(line: PlanLine, message: string): ManifestUnit {
  return {
    id: line.id,
    ...(line.identity === undefined ? {} : { identity: line.identity }),
    status: "failed",
    fingerprint: line.fingerprint,
    durationMs: 0,
    attempts: 0,
    compute: line.compute,
    artifacts: [],
    error: { code: "UNIT_LOST", message, retryable: true },
  };
}

/** Their bytes were confirmed when they were stored; what is left to see is that each is still there, whole. */
async function confirmStored(storage: Storage, pointer: RunPointer, units: ManifestUnit[]): Promise<void> {
  const prefix = snapshotPrefix(pointer.job, pointer.snapshot);
  const sizes = new Map<string, number>();
  for await (const object of storage.list(prefix)) sizes.set(object.key.slice(prefix.length), object.bytes);
  units.forEach((unit, n) => {
    const gone = unit.artifacts.find((artifact) => sizes.get(artifact.path) !== artifact.bytes);
    if (gone === undefined) return;
    const message = `${gone.path} was stored with ${gone.bytes} bytes, and now ${sizes.has(gone.path) ? `has ${sizes.get(gone.path)}` : "is not there"}`;
    const artifacts = unit.artifacts.filter((artifact) => sizes.get(artifact.path) === artifact.bytes);
    units[n] = {
      ...unit,
      status: "failed",
      artifacts,
      error: { code: "INTEGRITY_MISSING", message, retryable: false },
    };
  });
}

function absent(before: SnapshotEntry | undefined, units: readonly ManifestUnit[]): ManifestWarning[] {
  // One that was renamed is there, under another id; another one that has its name now does not stand for it.
  const identities = new Set(units.map(({ identity }) => identity));
  const ids = new Set(units.map(({ id }) => id));
  const unidentified = new Set(units.filter(({ identity }) => identity === undefined).map(({ id }) => id));
  const isHere = ({ id, identity }: ManifestUnit): boolean => {
    if (identity === undefined) return ids.has(id);
    const whole = wholeOf(identity);
    // What was several units can be one again.
    return identities.has(identity) || unidentified.has(id) || (whole !== undefined && identities.has(whole));
  };
  return (before?.manifest?.units ?? [])
    .filter((unit) => unit.artifacts.length > 0 && !isHere(unit))
    .map((unit) => ({
      code: "SOURCE_ABSENT",
      message: `is in snapshot ${before?.snapshot}, but no longer in what the job lists`,
      unit: unit.id,
    }));
}
