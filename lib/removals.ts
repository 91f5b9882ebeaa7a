import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "./kept-document.ts";
import { removalsKey } from "./keys.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * What prune took away, or has begun to: `<job>/.removals.json`. A manifest names the snapshot that it followed, so one that is
 * missing and does not stand here was taken away by somebody else. Written before the first object goes.
 */
const removalsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  removed: z
    .array(z.string())
    .describe("ids of snapshots, for as long as a manifest names them or anything of them is left"),
});

type Removals = z.infer<typeof removalsSchema>;

const kept: KeptDocument<Removals> = {
  schema: removalsSchema,
  keyOf: removalsKey,
  empty: (job) => ({ schemaVersion: 1, job, removed: [] }),
};

/** A document that is damaged counts as none: then too much is missed, and never too little. @throws StorageError | TransientError */
export async function readRemovals(storage: Storage, job: string): Promise<ReadonlySet<string>> {
  return new Set((await readKept(kept, storage, job)).removed);
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
