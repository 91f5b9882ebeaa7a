import { NotFoundError } from "../errors.ts";
import { resumedKey } from "../keys.ts";
import { parseDocument } from "../manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { type Resumed, resumedSchema } from "./run-document.ts";

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** When a run was taken up again; empty for one that never was. */
export async function timesResumed(storage: Storage, job: string, snapshot: string, resumed: number) {
  if (resumed === 0) return [];
  return (await readResumed(storage, resumedKey(job, snapshot, resumed)))?.resumedAt ?? [];
}

/** When a run, going on or ended, was last taken up again; undefined for one that never was. */
export async function lastResumed(storage: Storage, job: string, snapshot: string): Promise<Date | undefined> {
  const last = (await allResumed(storage, job, snapshot)).resumedAt.at(-1);
  return last === undefined ? undefined : new Date(last);
}

/** How often, and when. */
export async function allResumed(storage: Storage, job: string, snapshot: string) {
  let resumedAt: readonly string[] = [];
  for (let count = 0; ; count += 1) {
    const next = await readResumed(storage, resumedKey(job, snapshot, count + 1));
    if (next === undefined) return { count, resumedAt };
    resumedAt = next.resumedAt;
  }
}

async function readResumed(storage: Storage, key: string): Promise<Resumed | undefined> {
  try {
    return parseDocument(resumedSchema, key, (await storage.read(key, MAX_DOCUMENT_BYTES)).content);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
