import { type Attempt, collectArtifacts } from "./attempt.ts";
import type { Backup } from "./backup.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { Job } from "./config/schema.ts";
import { DeferredError, errorRecord, SourceError } from "./errors.ts";
import { findJob } from "./jobs.ts";
import type { LeasedBackup } from "./lease/under-lease.ts";
import type { Log } from "./log.ts";
import { type UnitRecord, unitOfRecord } from "./manifest.ts";
import type { CollectInput, PlanLine } from "./plan-line.ts";
import { readRecord, writeRecord } from "./record.ts";
import { reuseArtifacts } from "./resume/reuse.ts";
import { retry } from "./retry.ts";
import { type RunningRecord, runningRecord } from "./running-record.ts";
import { withDeadline } from "./scheduling/deadline.ts";
import type { Storage } from "./storage/storage.ts";
import type { UnitProgress } from "./unit-progress.ts";

type Ending = Pick<UnitRecord, "status" | "error" | "reusedFrom">;

const RETRY = { attempts: 4, baseMs: 1_000, maxMs: 60_000 };

/**
 * Stores one unit's artifacts and its record. A failing unit is a result, not a throw: its record says `failed`, with
 * a code. Calling again for a unit that ended well answers its record and does nothing.
 * @throws DeferredError where waiting is left to others (`backup.waits`); called again at that moment, it goes on
 * @throws StorageError | TransientError | IntegrityError only when the record itself cannot be read or written
 * @throws LeaseLostError and writes no record, when another process has taken over the run
 */
export async function collect(backup: LeasedBackup, input: CollectInput): Promise<UnitRecord> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  const before = await readRecord(storage, input, input.unit.n);
  if (before !== undefined && before.status !== "running" && before.status !== "failed") {
    backup.emit({ type: "unit-kept", job: job.name, unit: before.id, result: unitOfRecord(before) });
    return before;
  }

  const log = backup.log.with({ job: job.name, run: input.run, unit: input.unit.id });
  const progress = progressAfter(
    before,
    before?.deferredUntil === undefined ? undefined : await readCheckpoint(storage, input, input.unit.n),
  );
  const running = runningRecord(input.unit, progress, backup, (record) => writeRecord(storage, input, record));
  backup.emit({
    type: "unit-started",
    job: job.name,
    unit: input.unit.id,
    expectedBytes: (input.unit.previous ?? input.unit.salvage?.[0])?.sourceBytes,
  });
  const ending = await endOf(backup, job, storage, input, progress, running, log).catch(async (error: unknown) => {
    await running.close();
    if (error instanceof DeferredError) {
      if (progress.note !== undefined) await writeCheckpoint(storage, input, input.unit.n, progress.note());
      await writeRecord(storage, input, { ...running.now(), deferredUntil: error.until.toISOString() });
    }
    throw error;
  });
  await running.close();
  const record: UnitRecord = { ...running.now(), ...ending };
  await writeRecord(storage, input, record);
  backup.emit({ type: "unit-ended", job: job.name, unit: input.unit.id, result: unitOfRecord(record) });
  logEnd(log, record);
  return record;
}

async function endOf(
  backup: Backup,
  job: Job,
  storage: Storage,
  input: CollectInput,
  progress: UnitProgress,
  running: RunningRecord,
  log: Log,
): Promise<Ending> {
  try {
    const onPending = running.announce;
    const encryption = await backup.encryption(job);
    if (await reuseArtifacts(input, { storage, encryption, progress, onPending, log })) {
      return { status: "unchanged", reusedFrom: input.unit.previous?.snapshot };
    }
    const attempt: Omit<Attempt, "signal"> = { backup, job, storage, input, progress, onPending };
    await withDeadline(backup.signal, job.timeoutMs, (signal) =>
      retry(() => collectArtifacts({ ...attempt, signal }), {
        ...RETRY,
        signal,
        onRetry: ({ attempt, waitMs, error }) =>
          log.warn(`attempt ${attempt} failed, trying again: ${error.message}`, { code: error.code, waitMs }),
      }),
    );
    return allTakenOver(input, progress) ?? { status: "ok" };
  } catch (error) {
    if (error instanceof DeferredError) throw error;
    return failure(error, input.unit, backup.redaction.redact);
  }
}

/** What a unit that its source had put off stored by then is the beginning of what goes on now. */
function progressAfter(before: UnitRecord | undefined, notedBefore: unknown): UnitProgress {
  const begun = new Set([...(before?.pending ?? []), ...(before?.artifacts ?? []).map(({ path }) => path)]);
  const fresh = {
    ...{ artifacts: [], warnings: [], attempts: 0, begunBefore: before !== undefined, begun, resuming: false },
    ...{ notedBefore, note: undefined },
  };
  if (before?.deferredUntil === undefined) return fresh;
  const { artifacts, warnings, attempts } = before;
  return { ...fresh, artifacts: [...artifacts], warnings: [...warnings], attempts, resuming: true };
}

/** A unit of which every artifact is the last snapshot's is as unchanged as one whose fingerprint said so. */
function allTakenOver({ unit }: CollectInput, { artifacts }: UnitProgress): Ending | undefined {
  const from = unit.previous?.snapshot;
  const taken = artifacts.length > 0 && artifacts.every(({ reusedFrom }) => reusedFrom === from);
  return taken && from !== undefined ? { status: "unchanged", reusedFrom: from } : undefined;
}

/** Empty is no failure, unless the unit held something before: what vanishes at the source must not pass as a success. */
function failure(error: unknown, unit: PlanLine, redact: (text: string) => string): Ending {
  if (!(error instanceof SourceError) || error.code !== "SOURCE_EMPTY") {
    return { status: "failed", error: errorRecord(error, redact) };
  }
  const before = unit.previous ?? unit.salvage?.[0];
  if (before === undefined) return { status: "skipped", error: errorRecord(error, redact) };
  const message = `${error.message}, but it was not empty in snapshot ${before.snapshot}`;
  return { status: "failed", error: errorRecord(new SourceError("SOURCE_EMPTY", message), redact) };
}

function logEnd(log: Log, record: UnitRecord): void {
  for (const warning of record.warnings) log.warn(warning.message, { code: warning.code });
  const fields = { status: record.status, durationMs: record.durationMs, artifacts: record.artifacts.length };
  if (record.error === undefined) log.debug("ended", fields);
  else if (record.status === "failed") log.error(record.error.message, { ...fields, code: record.error.code });
  else log.info(record.error.message, { ...fields, code: record.error.code });
}
