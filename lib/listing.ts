import * as z from "zod";
import type { Backup } from "./backup.ts";
import { readAll } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import type { Unit } from "./connectors/connector.ts";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { listingKey, snapshotTime } from "./keys.ts";
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

/** Longer than a source has us wait. It is gone on with also by a job whose runs are never taken up. */
const LEAST_AGE_MS = 6 * 60 * 60_000;

/** Whose listing it is: that of another execution, or for another configuration, is not gone on with. */
export interface ListingOf {
  readonly execution: string;
  readonly only: readonly string[] | undefined;
}

export interface BegunListing {
  readonly notes: unknown;
  /** Those that were listed before the wait, in their order. */
  listed(): AsyncIterable<Unit>;
}

/**
 * What is to go on; undefined where nothing was put off, or a snapshot was made since. One that is damaged is as good as none, and so is one that is older
 * than runs may be that are taken up: an execution can be redriven two weeks later, and what the source said of a unit's changes then is no answer any more.
 */
export async function begunListing(
  backup: Pick<Backup, "now">,
  job: Job,
  storage: Storage,
  { execution, only }: ListingOf,
): Promise<BegunListing | undefined> {
  const oldest = backup.now().getTime() - Math.max(job.resumeWithinMs, LEAST_AGE_MS);
  for await (const snapshot of unfinishedSinceLast(storage, job.name, backup.now())) {
    const begunAt = snapshotTime(snapshot)?.getTime() ?? Number.NaN;
    if (!(begunAt >= oldest)) continue;
    const found = await readListing(storage, job.name, snapshot);
    if (found === undefined || found.execution !== execution || !isSameChoice(found.only, only)) continue;
    if (found.version !== tool.version || found.configuration !== configurationDigest(job)) continue;
    const listed = () => unitsOf(storage, job.name, snapshot);
    if ((await countOf(listed())) === found.units) return { notes: found.notes, listed };
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

/** Without those that hold a listing alone: of them nothing was begun, and the run that went on with it has a folder of its own. */
export async function withoutListings(storage: Storage, job: string, folders: readonly string[]): Promise<string[]> {
  const begun: string[] = [];
  for (const snapshot of folders)
    if ((await storage.head(listingKey(job, snapshot))) === undefined) begun.push(snapshot);
  return begun;
}

async function readListing(storage: Storage, job: string, snapshot: string) {
  const key = listingKey(job, snapshot);
  try {
    return parseDocument(schema, key, await readAll(await storage.get(key), MAX_BYTES));
  } catch (error) {
    // That it is too long is a RangeError.
    if (error instanceof NotFoundError || error instanceof IntegrityError || error instanceof RangeError)
      return undefined;
    throw error;
  }
}

async function* unitsOf(storage: Storage, job: string, snapshot: string): AsyncIterable<Unit> {
  for await (const line of readPlan(storage, { job, snapshot })) {
    const { n: _, run: _run, previous: _previous, salvage: _salvage, reuse: _reuse, seal: _seal, ...unit } = line;
    yield unit;
  }
}

/** Undefined where they cannot be read. */
async function countOf(units: AsyncIterable<Unit>): Promise<number | undefined> {
  let count = 0;
  try {
    for await (const _ of units) count += 1;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof IntegrityError) return undefined;
    throw error;
  }
  return count;
}
