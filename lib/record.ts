import { bytesOf, readAll } from "./bytes.ts";
import { NotFoundError } from "./errors.ts";
import { recordKey } from "./keys.ts";
import { documentBytes, parseDocument, type UnitRecord, unitRecordSchema } from "./manifest.ts";
import type { RunPointer } from "./plan-line.ts";
import { retry } from "./retry.ts";
import type { Storage } from "./storage/storage.ts";

/** A record holds a unit's artifacts and facts, which are bounded; a larger one is damaged. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Replaces the unit's record. Tried again for passing faults, since its loss would make the unit `UNIT_LOST`. */
export async function writeRecord(storage: Storage, pointer: RunPointer, record: UnitRecord): Promise<void> {
  await putSmall(storage, recordKey(pointer.job, pointer.snapshot, record.n), documentBytes(record));
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

/**
 * Stores a document that is held in memory, trying again for passing faults. Not ended by an interrupt: what an
 * ending run writes last is what tells how it ended.
 */
export async function putSmall(storage: Storage, key: string, content: Uint8Array, ifAbsent = false): Promise<void> {
  const options = { attempts: 5, baseMs: 200, maxMs: 5_000, signal: new AbortController().signal };
  await retry(() => storage.put(key, bytesOf(content), { ifAbsent, expectedBytes: content.byteLength }), options);
}
