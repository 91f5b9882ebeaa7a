import { readAll } from "./bytes.ts";
import { NotFoundError } from "./errors.ts";
import { recordKey, recordsPrefix } from "./keys.ts";
import { documentBytes, parseDocument, type UnitRecord, unitRecordSchema } from "./manifest.ts";
import type { RunPointer } from "./plan-line.ts";
import { putDocument } from "./put-document.ts";
import { sealed } from "./seal.ts";
import type { Storage } from "./storage/storage.ts";

/** A record holds a unit's artifacts and facts, which are bounded; a larger one is damaged. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Replaces the unit's record. Tried again for passing faults, since its loss would make the unit `UNIT_LOST`. */
export async function writeRecord(storage: Storage, pointer: RunPointer, record: UnitRecord): Promise<void> {
  const { job, snapshot, resumed } = pointer;
  await putDocument(storage, recordKey(job, snapshot, record.n, resumed), documentBytes(sealed(record)));
}

/** Undefined where there is none, and for one that belongs to another run. @throws IntegrityError for a damaged one */
export async function readRecord(storage: Storage, pointer: RunPointer, n: number): Promise<UnitRecord | undefined> {
  const record = await newestRecord(storage, pointer, n);
  return record?.run === pointer.run ? record : undefined;
}

/** Of a run that was taken up again, that of the last time that has one. */
export async function newestRecord(
  storage: Storage,
  { job, snapshot, resumed }: Pick<RunPointer, "job" | "snapshot" | "resumed">,
  n: number,
): Promise<UnitRecord | undefined> {
  for (let time = resumed; time >= 0; time -= 1) {
    const key = recordKey(job, snapshot, n, time);
    try {
      return parseDocument(unitRecordSchema, key, await readAll(await storage.get(key), MAX_RECORD_BYTES));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return undefined;
}

/** Of the units that have a record: how often the run had been taken up again when the last one was written. */
export async function recordedUnits(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<ReadonlyMap<number, number>> {
  const prefix = recordsPrefix(job, snapshot);
  const found = new Map<number, number>();
  for await (const { key } of storage.list(prefix)) {
    const [, n, resumed = "0"] = /^(\d+)(?:\.(\d+))?\.json$/.exec(key.slice(prefix.length)) ?? [];
    if (n !== undefined) found.set(Number(n), Math.max(found.get(Number(n)) ?? 0, Number(resumed)));
  }
  return found;
}
