import * as z from "zod";
import type { Backup } from "./backup.ts";
import { readAll } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import type { Unit } from "./connectors/connector.ts";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { listingKey } from "./keys.ts";
import { parseDocument } from "./manifest.ts";
import { isSameChoice } from "./narrow.ts";
import { readPlan } from "./plan-line.ts";
import { putDocument } from "./put-document.ts";
import { configurationDigest } from "./resume/run-document.ts";
import { sealed } from "./seal.ts";
import { unfinishedSinceLast } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { tool } from "./tool.ts";

/** `.run/listing.json`: the source put off being listed. The units that it had given by then are the folder's plan, which no run document makes whole. */
const schema = z.object({
  schemaVersion: z.literal(1),
  /** The connector's notes are its own, and change with it. */
  version: z.string(),
  execution: z.string(),
  configuration: z.string(),
  only: z.array(z.string()).optional(),
  units: z.int().nonnegative(),
  notes: z.unknown(),
  seal: z.string().optional(),
});

const MAX_BYTES = 256 * 1024 * 1024;

/** Whose listing it is: that of another execution, or for another configuration, is not gone on with. */
export interface ListingOf {
  readonly execution: string;
  readonly only: readonly string[] | undefined;
}

export interface BegunListing {
  readonly units: number;
  readonly notes: unknown;
  /** Those that were listed before the wait, in their order. */
  listed(): AsyncIterable<Unit>;
}

/** What is to go on; undefined where nothing was put off, or a snapshot was made since. One that is damaged is as good as none. */
export async function begunListing(
  backup: Pick<Backup, "now">,
  job: Job,
  storage: Storage,
  { execution, only }: ListingOf,
): Promise<BegunListing | undefined> {
  for await (const snapshot of unfinishedSinceLast(storage, job.name, backup.now())) {
    const found = await readListing(storage, job.name, snapshot);
    if (found === undefined || found.execution !== execution || !isSameChoice(found.only, only)) continue;
    if (found.version !== tool.version || found.configuration !== configurationDigest(job)) continue;
    const { units, notes } = found;
    return { units, notes, listed: () => unitsOf(storage, job.name, snapshot, units) };
  }
  return undefined;
}

/** After the plan that holds the units. */
export async function writeListing(
  storage: Storage,
  job: Job,
  snapshot: string,
  { execution, only, units, notes }: ListingOf & { readonly units: number; readonly notes: unknown },
): Promise<void> {
  const document = {
    ...{ schemaVersion: 1, version: tool.version, execution, configuration: configurationDigest(job) },
    ...(only === undefined ? {} : { only }),
    ...{ units, notes },
  };
  await putDocument(storage, listingKey(job.name, snapshot), Buffer.from(JSON.stringify(sealed(document))), {
    ifAbsent: true,
    sweepable: true,
  });
}

async function readListing(storage: Storage, job: string, snapshot: string) {
  const key = listingKey(job, snapshot);
  try {
    return parseDocument(schema, key, await readAll(await storage.get(key), MAX_BYTES));
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof IntegrityError) return undefined;
    throw error;
  }
}

async function* unitsOf(storage: Storage, job: string, snapshot: string, count: number): AsyncIterable<Unit> {
  let read = 0;
  for await (const line of readPlan(storage, { job, snapshot })) {
    const { n: _, run: _run, previous: _previous, salvage: _salvage, reuse: _reuse, seal: _seal, ...unit } = line;
    read += 1;
    yield unit;
  }
  if (read !== count)
    throw new IntegrityError(
      "INTEGRITY_MANIFEST",
      `what was listed of ${job} before a wait, in ${snapshot}, is not whole`,
    );
}
