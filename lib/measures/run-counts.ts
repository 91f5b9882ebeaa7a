import * as z from "zod";
import { changeKept, type KeptDocument, readKept } from "../kept-document.ts";
import { countsKey } from "../keys.ts";
import type { Storage } from "../storage/storage.ts";
import { RUN_STATUSES } from "./metric-families.ts";

const amount = z.number().nonnegative();
const instant = z.iso.datetime();

/**
 * What a job's runs add up to: `<job>/.metrics.json`. Counters live in the storage, since each run is a process of its own,
 * perhaps on another machine. Losing it restarts them from 0, which who reads counters is used to.
 */
const countsSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  runs: z.record(z.string(), amount),
  errors: z.record(z.string(), amount),
  collectedBytes: z.strictObject({ source: amount, stored: amount }),
  removedSnapshots: amount,
  leaseWaitSeconds: amount,
  sourceRequests: amount,
  sourceQuotaRemaining: amount.optional(),
  last: z
    .strictObject({
      startedAt: instant,
      endedAt: instant,
      status: z.enum(RUN_STATUSES),
      leaseWaitSeconds: amount,
      run: z.string().optional().describe("what it is known by, where it may end again"),
    })
    .optional(),
  proof: z
    .strictObject({ upTo: z.string(), at: instant.nullable(), snapshot: z.string().optional() })
    .optional()
    .describe("when the newest of the snapshots up to that one that was proved as a whole was proved"),
  unsent: z
    .array(z.strictObject({ output: z.string(), at: instant, message: z.string() }))
    .max(20)
    .describe("which outputs the last run could not give its metrics to"),
});

export type RunCounts = Readonly<z.infer<typeof countsSchema>>;

const noCounts = (job: string): RunCounts => ({
  schemaVersion: 1,
  job,
  runs: {},
  errors: {},
  collectedBytes: { source: 0, stored: 0 },
  removedSnapshots: 0,
  leaseWaitSeconds: 0,
  sourceRequests: 0,
  unsent: [],
});

const kept: KeptDocument<RunCounts> = { schema: countsSchema, keyOf: countsKey, empty: noCounts };

/** @throws StorageError | TransientError */
export const readCounts = (storage: Storage, job: string): Promise<RunCounts> => readKept(kept, storage, job);

/** Answers what they are by then. @throws StorageError | TransientError */
export const changeCounts = (
  storage: Storage,
  job: string,
  change: (counts: RunCounts) => RunCounts,
): Promise<RunCounts> => changeKept(kept, storage, job, change);
