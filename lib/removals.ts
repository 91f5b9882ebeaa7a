import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "./kept-document.ts";
import { removalsKey, snapshotTime } from "./keys.ts";
import type { Storage } from "./storage/storage.ts";

/** What is no id, for a bit that turned over or a slip of who wrote it, names no snapshot: it is passed over. */
const snapshotIds = z.array(z.string()).transform((ids) => ids.filter((id) => snapshotTime(id) !== undefined));

/**
 * What prune took away, or has begun to: `<job>/.removals.json`. A manifest names the snapshot that it followed, so one that is
 * missing and does not stand here was taken away by somebody else. Written before the first object goes. Of what went before `since`,
 * by an earlier version or before the document was lost, nothing is known. No manifest names the newest snapshot, nor one that is dated
 * ahead, so those stand here.
 */
const removalsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  since: z.iso.datetime().optional().describe("every removal after this stands here; set by the first prune"),
  removed: snapshotIds.describe("ids of snapshots, for as long as a manifest names them or anything of them is left"),
  unnamed: snapshotIds
    .optional()
    .describe(
      "ids of the snapshots that no manifest named at the last prune, and of such that are gone and that the retention would keep",
    ),
  stored: z
    .array(z.strictObject({ day: z.iso.date(), bytes: z.int().nonnegative() }))
    .optional()
    .describe("what all snapshots held after the last prune of a day of UTC, oldest first"),
});

const MOST_DAYS = 400;
/** The newest ones of those that are there, and of those that are gone: a store of an earlier version may have many. */
const MOST_UNNAMED = 50;

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
  /** Ids of all snapshots. */
  readonly snapshots: readonly string[];
  /** Those of them that no manifest names as the one before it. */
  readonly unnamed: readonly string[];
  /**
   * Says of what stands there that it is a snapshot which stays: a prune was ended before it removed the first object, and now the
   * retention keeps it.
   */
  isKept(snapshot: string): boolean;
  /** Which of those that are gone the retention would keep, were they there. */
  wouldKeep(gone: readonly string[]): readonly string[];
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

/**
 * From now on the document is whole, what is stored on this day stands there, and a snapshot that no manifest names is missed when it goes:
 * until a person says in `removed` that it was meant, or the retention would have removed it by now.
 * @throws StorageError | TransientError; IntegrityError `VERSION_UNKNOWN` where another version wrote it: it is not replaced
 */
export async function beginRemovals(storage: Storage, job: string, now: Date, found: Found): Promise<void> {
  const day = now.toISOString().slice(0, 10);
  await changeKept(kept, storage, job, ({ removed, unnamed = [], stored = [], ...before }) => {
    const gone = unnamed.filter(
      (one) => !found.snapshots.includes(one) && !removed.includes(one) && snapshotTime(one) !== undefined,
    );
    return {
      ...before,
      since: before.since ?? now.toISOString(),
      removed: removed.filter((one) => !found.isKept(one)),
      unnamed: [...newest(found.wouldKeep(gone)), ...newest(found.unnamed)],
      stored: [...stored.filter((one) => one.day !== day), { day, bytes: found.bytesAfter }].slice(-MOST_DAYS),
    };
  });
}

const newest = (snapshots: readonly string[]): readonly string[] => [...snapshots].sort().slice(-MOST_UNNAMED);

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
