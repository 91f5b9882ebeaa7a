import { setTimeout as delay } from "node:timers/promises";
import type * as z from "zod";
import { CodedError, IntegrityError, NotFoundError } from "./errors.ts";
import { parseDocument } from "./manifest.ts";
import { putDocument } from "./put-document.ts";
import type { Storage } from "./storage/storage.ts";

/** A small document beside a job's snapshots, which several processes change. Losing it loses no snapshot. */
export interface KeptDocument<T extends { readonly job: string }> {
  readonly schema: z.ZodType<T>;
  keyOf(job: string): string;
  /** What stands in for one that is not there, is damaged, or is another job's. */
  empty(job: string): T;
}

const MAX_BYTES = 1024 * 1024;
const ATTEMPTS = 8;

/** @throws StorageError | TransientError when the storage cannot be read */
export async function readKept<T extends { readonly job: string }>(
  kept: KeptDocument<T>,
  storage: Storage,
  job: string,
): Promise<T> {
  return (await found(kept, storage, job)).content;
}

/**
 * Changes the document as it is by then: another process may have written it meanwhile. One that another key or another version wrote
 * stays as it is, for who can read it.
 * @throws StorageError | TransientError; IntegrityError `SEALED` | `VERSION_UNKNOWN`
 */
export async function changeKept<T extends { readonly job: string }>(
  kept: KeptDocument<T>,
  storage: Storage,
  job: string,
  change: (before: T) => T,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const { content, version, unread } = await found(kept, storage, job);
    if (unread !== undefined) throw unread;
    const changed = change(content);
    if (JSON.stringify(changed) === JSON.stringify(content)) return changed;
    const bytes = new TextEncoder().encode(`${JSON.stringify(changed, null, 2)}\n`);
    try {
      await putDocument(
        storage,
        kept.keyOf(job),
        bytes,
        version === undefined ? { ifAbsent: true } : { ifMatch: version },
      );
      return changed;
    } catch (error) {
      const met = error instanceof CodedError && ["STORAGE_EXISTS", "STORAGE_CHANGED"].includes(error.code);
      if (!met || attempt === ATTEMPTS) throw error;
      await delay(Math.random() * 50 * attempt);
    }
  }
}

interface Found<T> {
  readonly content: T;
  readonly version: string | undefined;
  /** Why nothing is known of what lies there, where it may be whole. */
  readonly unread?: IntegrityError;
}

async function found<T extends { readonly job: string }>(
  { schema, keyOf, empty }: KeptDocument<T>,
  storage: Storage,
  job: string,
): Promise<Found<T>> {
  let document: { readonly content: Uint8Array; readonly version: string };
  try {
    document = await storage.read(keyOf(job), MAX_BYTES);
  } catch (error) {
    if (error instanceof NotFoundError) return { content: empty(job), version: undefined };
    throw error;
  }
  try {
    const content = parseDocument(schema, keyOf(job), document.content);
    return { content: content.job === job ? content : empty(job), version: document.version };
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    const stays = error.code === "SEALED" || error.code === "VERSION_UNKNOWN";
    const message = `${error.message}; it stays as it is until it can be read, or is removed by hand`;
    const unread = stays ? { unread: new IntegrityError(error.code, message) } : {};
    return { content: empty(job), version: document.version, ...unread };
  }
}
