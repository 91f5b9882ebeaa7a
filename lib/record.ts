import { readAll } from "./bytes.ts";
import { NotFoundError } from "./errors.ts";
import { recordKey } from "./keys.ts";
import { documentBytes, parseDocument, type UnitRecord, unitRecordSchema } from "./manifest.ts";
import type { RunPointer } from "./plan-line.ts";
import { putDocument } from "./put-document.ts";
import type { Storage } from "./storage/storage.ts";

/** A record holds a unit's artifacts and facts, which are bounded; a larger one is damaged. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Replaces the unit's record. Tried again for passing faults, since its loss would make the unit `UNIT_LOST`. */
export async function writeRecord(storage: Storage, pointer: RunPointer, record: UnitRecord): Promise<void> {
  await putDocument(storage, recordKey(pointer.job, pointer.snapshot, record.n), documentBytes(record));
}

/** Undefined where there is none, and for one that belongs to another run. @throws IntegrityError for a damaged one */
export async function readRecord(storage: Storage, pointer: RunPointer, n: number): Promise<UnitRecord | undefined> {
  const key = recordKey(pointer.job, pointer.snapshot, n);
  try {
    const record = parseDocument(unitRecordSchema, key, await readAll(await storage.get(key), MAX_RECORD_BYTES));
    return record.run === pointer.run ? record : undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
