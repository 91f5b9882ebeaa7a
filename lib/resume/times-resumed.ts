import { IntegrityError, NotFoundError } from "../errors.ts";
import { resumedKey, snapshotTime } from "../keys.ts";
import { parseDocument } from "../manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { type Resumed, resumedSchema } from "./run-document.ts";

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** When a run was taken up again, up to the `resumed`-th time; empty for one that never was. */
export async function timesResumed(storage: Storage, job: string, snapshot: string, resumed: number) {
  return resumed === 0 ? [] : (await allResumed(storage, job, snapshot)).resumedAt.slice(0, resumed);
}

/** When a run, going on or ended, was last taken up again; undefined for one that never was. */
export async function lastResumed(storage: Storage, job: string, snapshot: string): Promise<Date | undefined> {
  const last = (await allResumed(storage, job, snapshot)).resumedAt.at(-1);
  return last === undefined ? undefined : new Date(last);
}

/**
 * How often, and when. A document that is damaged still says that there was such a time: the one before stands in for it, or the
 * beginning. It must not keep the run from its end, nor the job from every run that comes.
 */
export async function allResumed(storage: Storage, job: string, snapshot: string) {
  let resumedAt: readonly string[] = [];
  for (let count = 0; ; count += 1) {
    const next = await readResumed(storage, resumedKey(job, snapshot, count + 1));
    if (next === undefined) return { count, resumedAt };
    const before = resumedAt.at(-1) ?? snapshotTime(snapshot)?.toISOString();
    if (next !== "damaged") resumedAt = next.resumedAt;
    else if (before !== undefined) resumedAt = [...resumedAt, before];
  }
}

async function readResumed(storage: Storage, key: string): Promise<Resumed | "damaged" | undefined> {
  try {
    return parseDocument(resumedSchema, key, (await storage.read(key, MAX_DOCUMENT_BYTES)).content);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (error instanceof IntegrityError || error instanceof RangeError) return "damaged";
    throw error;
  }
}
