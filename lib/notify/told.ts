import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "../kept-document.ts";
import { toldKey } from "../keys.ts";
import type { Storage } from "../storage/storage.ts";

/**
 * What was told of a job, and since when it is not well: `<job>/.told.json`, so that the run, the watch and a watch on
 * another machine tell things once. Losing it costs a message told twice, or the all-clear of whoever stood in.
 */
const toldSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  failing: z
    .strictObject({
      since: z.iso.datetime(),
      runs: z.int().positive(),
      run: z.string().optional().describe("the last of them, where it may be told again"),
    })
    .nullable(),
  missed: z
    .strictObject({
      since: z.iso.datetime(),
      problems: z.array(z.string()),
      named: z
        .record(z.string(), z.array(z.string()))
        .optional()
        .describe("which snapshots a problem was told of; absent in a document of before that was kept"),
      unreached: z
        .strictObject({ notifiers: z.array(z.string()).max(100), tries: z.int().positive() })
        .optional()
        .describe("who could not be told while others were, and how often it was tried"),
    })
    .nullable(),
  allClear: z
    .strictObject({
      notifiers: z.array(z.string()).max(100),
      tries: z.int().nonnegative(),
      runs: z.int().positive().optional(),
    })
    .optional()
    .describe(
      "who has to hear that it is well again, whatever they ask for, and how often watches and runs tried it in vain",
    ),
  undelivered: z.array(z.strictObject({ notifier: z.string(), at: z.iso.datetime(), message: z.string() })).max(100),
  watch: z
    .strictObject({
      firstSeen: z.iso.datetime(),
      schedule: z.string(),
      beside: z.array(z.string()).optional().describe("some other jobs of the configuration that it was watched by"),
      seen: z.iso.date().optional().describe("the day on which a watch that has the job last came by"),
      quietDays: z.int().positive().optional().describe("who has it watches or runs it again within so many days"),
    })
    .optional()
    .describe("since when the watch knows of the job, and when it should run as far as it knows"),
  takenOver: z
    .strictObject({ since: z.iso.datetime().optional(), allClear: z.array(z.string()).optional() })
    .optional()
    .describe(
      "of a storage that may only be read: what stands there of `missed` and `allClear`, and counts here alone",
    ),
});

/** A notifier that cannot be reached is told again so many times. */
export const MAX_TRIES = 24;

/** Stands among the problems for a job that was taken out of the configuration. */
export const REMOVED = "REMOVED";

export type Told = z.infer<typeof toldSchema>;

export const nothingTold = (job: string): Told => ({
  schemaVersion: 1,
  job,
  failing: null,
  missed: null,
  undelivered: [],
});

const kept: KeptDocument<Told> = { schema: toldSchema, keyOf: toldKey, empty: nothingTold };

/** One that is damaged counts as none. @throws StorageError | TransientError when the storage cannot be read */
export const readTold = (storage: Storage, job: string): Promise<Told> => readKept(kept, storage, job);

/** @throws StorageError | TransientError; IntegrityError for one that another key or version wrote, and that stays */
export async function changeTold(storage: Storage, job: string, change: (told: Told) => Told): Promise<void> {
  await changeKept(kept, storage, job, change);
}
