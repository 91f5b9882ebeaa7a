import { bytesOf } from "./bytes.ts";
import { CodedError, NotFoundError } from "./errors.ts";
import { retry, wasGivenUp } from "./retry.ts";
import type { PutOptions, Storage } from "./storage/storage.ts";

export type Condition = Pick<PutOptions, "ifAbsent" | "ifMatch" | "sweepable">;

/**
 * Stores a document that is held in memory, and answers its version. Not ended by an interrupt: what an ending run writes
 * last is what tells how it ended. A passing fault is tried again here where the storage cannot, because a body can be
 * read once; what the storage has tried to the end by itself is not.
 *
 * A condition that does not hold may be of our own making: an attempt that succeeded while its reply was lost. So what
 * lies there is read back, and our very bytes count as stored by us.
 * @throws StorageError `STORAGE_EXISTS` or `STORAGE_CHANGED` when the condition does not hold
 */
export async function putDocument(
  storage: Storage,
  key: string,
  content: Uint8Array,
  condition: Condition = {},
): Promise<string> {
  const options = { attempts: 5, baseMs: 200, maxMs: 5_000, signal: new AbortController().signal, unless: wasGivenUp };
  const putOptions = { ...condition, expectedBytes: content.byteLength };
  try {
    const { version } = await retry(() => storage.put(key, bytesOf(content), putOptions), options);
    return version;
  } catch (error) {
    const ours = isRefusal(error) ? await retry(() => versionOf(storage, key, content), options) : undefined;
    if (ours === undefined) throw error;
    return ours;
  }
}

/** Stores a document where there is none; what lies there already stays, whoever stored it. @throws as `putDocument` */
export async function putOnce(storage: Storage, key: string, content: Uint8Array): Promise<void> {
  try {
    await putDocument(storage, key, content, { ifAbsent: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** The storage's answer that a condition does not hold. */
export function isRefusal(error: unknown): boolean {
  return error instanceof CodedError && (error.code === "STORAGE_CHANGED" || error.code === "STORAGE_EXISTS");
}

/** The version of what lies under `key` if that is `content`. */
async function versionOf(storage: Storage, key: string, content: Uint8Array): Promise<string | undefined> {
  try {
    const found = await storage.read(key, content.byteLength);
    return Buffer.from(found.content).equals(content) ? found.version : undefined;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof RangeError) return undefined;
    throw error;
  }
}
