import * as z from "zod";
import { type ErrorRecord, IntegrityError, NotFoundError } from "./errors.ts";
import { failedRunKey, manifestKey, runKey, snapshotId } from "./keys.ts";
import { documentBytes, errorRecordSchema, parseDocument } from "./manifest.ts";
import { putDocument } from "./put-document.ts";
import { foldersNewestFirst, isAnyThere } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * Why a run has no manifest: `.run/failed.json` in its folder, or for one that came to no plan in a folder of its own. It lies there as long as
 * what the run left, which prune sweeps; one that is taken up again and ends well leaves it unread.
 */
const failedRunSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  /** Of the run, or the name of its execution where it came to none. */
  run: z.string().optional(),
  failedAt: z.iso.datetime(),
  error: errorRecordSchema,
});

const MAX_BYTES = 64 * 1024;
const DAY_LENGTH = "2026-11-22".length;

export interface FailedRun extends Omit<z.infer<typeof failedRunSchema>, "schemaVersion" | "failedAt"> {
  readonly snapshot: string;
  readonly failedAt: Date;
}

/** Replaces what an earlier failure of the same run said. @throws StorageError | TransientError */
export async function recordFailedRun(storage: Storage, { snapshot, failedAt, ...failed }: FailedRun): Promise<void> {
  const document = { schemaVersion: 1, ...failed, failedAt: failedAt.toISOString() };
  await putDocument(storage, failedRunKey(failed.job, snapshot), documentBytes(document));
}

/**
 * For what failed before it had a folder. Of one day there is one, which says what failed last: a job that fails every few minutes for
 * weeks would leave thousands, and each later plan looks at all that were left since the last snapshot.
 * @throws StorageError | TransientError
 */
export async function folderWithoutPlan(storage: Storage, job: string, failedAt: Date): Promise<string> {
  const own = snapshotId(failedAt);
  for await (const newest of foldersNewestFirst(storage, job)) {
    const isOfThatDay = newest.slice(0, DAY_LENGTH) === own.slice(0, DAY_LENGTH);
    return isOfThatDay && (await cameToNoPlan(storage, job, newest)) ? newest : own;
  }
  return own;
}

async function cameToNoPlan(storage: Storage, job: string, snapshot: string): Promise<boolean> {
  if ((await readFailedRun(storage, job, snapshot)) === undefined) return false;
  return !(await isAnyThere(storage, [runKey(job, snapshot), manifestKey(job, snapshot)]));
}

/** Undefined where nothing was recorded, or nothing that can be read. @throws StorageError | TransientError */
export async function readFailedRun(storage: Storage, job: string, snapshot: string): Promise<ErrorRecord | undefined> {
  const key = failedRunKey(job, snapshot);
  try {
    const { content } = await storage.read(key, MAX_BYTES);
    return parseDocument(failedRunSchema, key, content).error;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof IntegrityError) return undefined;
    throw error;
  }
}
