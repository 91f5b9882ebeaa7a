import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "./kept-document.ts";
import { removalsKey } from "./keys.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * What prune took away, or has begun to: `<job>/.removals.json`. A manifest names the snapshot that it followed, so one that is
 * missing and does not stand here was taken away by somebody else. Written before the first object goes. Of what went before `since`,
 * by an earlier version or before the document was lost, nothing is known. No manifest names the newest snapshot, so that stands here.
 */
const removalsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  since: z.iso.datetime().optional().describe("every removal after this stands here; set by the first prune"),
  removed: z
    .array(z.string())
    .describe("ids of snapshots, for as long as a manifest names them or anything of them is left"),
  unnamed: z
    .array(z.string())
    .optional()
    .describe(
      "ids of the newest snapshot at the last prune, and of such that were gone by the next one: no manifest names them",
    ),
  stored: z
    .array(z.strictObject({ day: z.iso.date(), bytes: z.int().nonnegative() }))
    .optional()
    .describe("what all snapshots held after the last prune of a day of UTC, oldest first"),
});

const MOST_DAYS = 400;

type RemovalsDocument = z.infer<typeof removalsSchema>;

interface Removals {
  readonly removed: ReadonlySet<string>;
  /** Undefined where the document is not there, damaged, or was never begun. */
  readonly since: Date | undefined;
  /** Snapshots that were there at a prune and that no manifest names. */
  readonly unnamed: readonly string[];
  /** Oldest first. */
  readonly stored: readonly { readonly day: string; readonly bytes: number }[];
}

/** What a prune found. */
interface Found {
  /** Ids of all snapshots, newest first. */
  readonly snapshots: readonly string[];
  /**
   * Says of what stands there that it is a snapshot which stays: a prune was ended before it removed the first object, and now the
   * retention keeps it.
   */
  isKept(snapshot: string): boolean;
  /** What all snapshots will hold once it has ended. */
  readonly bytesAfter: number;
}

const kept: KeptDocument<RemovalsDocument> = {
  schema: removalsSchema,
  keyOf: removalsKey,
  empty: (job) => ({ schemaVersion: 1, job, removed: [] }),
};

/** @throws StorageError | TransientError */
export async function readRemovals(storage: Storage, job: string): Promise<Removals> {
  const { removed, since, unnamed = [], stored = [] } = await readKept(kept, storage, job);
  return { removed: new Set(removed), since: since === undefined ? undefined : new Date(since), unnamed, stored };
}

/** From now on the document is whole, what is stored on this day stands there, and the newest snapshot is missed when it goes. @throws StorageError | TransientError */
export async function beginRemovals(storage: Storage, job: string, now: Date, found: Found): Promise<void> {
  const day = now.toISOString().slice(0, 10);
  await changeKept(kept, storage, job, ({ removed, unnamed = [], stored = [], ...before }) => ({
    ...before,
    since: before.since ?? now.toISOString(),
    removed: removed.filter((one) => !found.isKept(one)),
    unnamed: [...stillMissed(unnamed, removed, found), ...found.snapshots.slice(0, 1)],
    stored: [...stored.filter((one) => one.day !== day), { day, bytes: found.bytesAfter }].slice(-MOST_DAYS),
  }));
}

/** As with those that a manifest names, until whatever is older is gone too. */
function stillMissed(
  unnamed: readonly string[],
  removed: readonly string[],
  { snapshots }: Pick<Found, "snapshots">,
): readonly string[] {
  const oldest = snapshots.at(-1) ?? "";
  return unnamed.filter((one) => one > oldest && !snapshots.includes(one) && !removed.includes(one));
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
