import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "./kept-document.ts";
import { removalsKey } from "./keys.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * What prune took away, or has begun to: `<job>/.removals.json`. A manifest names the snapshot that it followed, so one that is
 * missing and does not stand here was taken away by somebody else. Written before the first object goes. Of what went before `since`,
 * by an earlier version or before the document was lost, nothing is known.
 */
const removalsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  since: z.iso.datetime().optional().describe("every removal after this stands here; set by the first prune"),
  removed: z
    .array(z.string())
    .describe("ids of snapshots, for as long as a manifest names them or anything of them is left"),
});

type RemovalsDocument = z.infer<typeof removalsSchema>;

interface Removals {
  readonly removed: ReadonlySet<string>;
  /** Undefined where the document is not there, damaged, or was never begun. */
  readonly since: Date | undefined;
}

const kept: KeptDocument<RemovalsDocument> = {
  schema: removalsSchema,
  keyOf: removalsKey,
  empty: (job) => ({ schemaVersion: 1, job, removed: [] }),
};

/** @throws StorageError | TransientError */
export async function readRemovals(storage: Storage, job: string): Promise<Removals> {
  const { removed, since } = await readKept(kept, storage, job);
  return { removed: new Set(removed), since: since === undefined ? undefined : new Date(since) };
}

/**
 * From now on the document is whole. `isWhole` says of what stands there that it is a snapshot which stays: a prune was ended before it
 * removed the first object, and now the retention keeps it.
 * @throws StorageError | TransientError
 */
export async function beginRemovals(
  storage: Storage,
  job: string,
  now: Date,
  isWhole: (snapshot: string) => boolean,
): Promise<void> {
  await changeKept(kept, storage, job, ({ removed, ...before }) => ({
    ...before,
    since: before.since ?? now.toISOString(),
    removed: removed.filter((one) => !isWhole(one)),
  }));
}

/** `isNeeded` says of those that stand there already which are to stay. @throws StorageError | TransientError */
export async function recordRemoval(
  storage: Storage,
  job: string,
  snapshot: string,
  isNeeded: (snapshot: string) => boolean,
): Promise<void> {
  await changeKept(kept, storage, job, (before) => {
    const removed = before.removed.filter((one) => one !== snapshot && isNeeded(one));
    return { ...before, removed: [...removed, snapshot].sort() };
  });
}
