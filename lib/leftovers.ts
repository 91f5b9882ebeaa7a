import { readAll } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { planKey, snapshotPrefix, snapshotTime } from "./keys.ts";
import { parseDocument, unitRecordSchema } from "./manifest.ts";
import type { Decision, RetentionPlan } from "./retention.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * A folder without a manifest may be a run of another process that goes on right now, and nothing in the storage says
 * so for certain. A run that began a day ago, and has begun no unit for a day, is taken for dead: units end within
 * their timeout. (Once runs hold a lease, that will say it exactly.)
 */
const UNFINISHED_HOURS = 24;

const HOUR_MS = 3_600_000;
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Whether the leftovers of an unfinished run are to be swept. A newer good snapshot must have taken its place. */
export async function leftoverDecision(
  storage: Storage,
  job: Job,
  snapshot: string,
  plan: RetentionPlan,
  now: Date,
): Promise<Decision> {
  const keep = (why: string): Decision => ({ snapshot, keep: true, reason: `kept: unfinished run; ${why}` });
  if (plan.held !== undefined) return keep(plan.held);
  if (plan.newestGood === undefined || snapshot > plan.newestGood) return keep("no newer snapshot is good");
  const begun = snapshotTime(snapshot)?.getTime() ?? now.getTime();
  if (now.getTime() - begun <= UNFINISHED_HOURS * HOUR_MS) return keep(`younger than ${UNFINISHED_HOURS} hours`);
  // Twice the timeout leaves a last unit that took all of its time as much again for finishing.
  const idleMs = Math.max(UNFINISHED_HOURS * HOUR_MS, 2 * job.timeoutMs);
  const lastBegun = await lastUnitBegun(storage, job.name, snapshot);
  if (lastBegun !== undefined && now.getTime() - lastBegun.getTime() <= idleMs) {
    return keep(`it began a unit at ${lastBegun.toISOString()}, so it may be going on`);
  }
  const lock = (await storage.head(planKey(job.name, snapshot)))?.lock;
  if (lock !== undefined) return keep(lock);
  if (plan.refused !== undefined) return keep("nothing is removed while the plan is refused");
  return { snapshot, keep: false, reason: `removed: unfinished run; older than ${UNFINISHED_HOURS} hours` };
}

/** Units begin in the order of their numbers, so the record with the highest one is of the unit that began last. */
async function lastUnitBegun(storage: Storage, job: string, snapshot: string): Promise<Date | undefined> {
  let last: { readonly key: string; readonly n: number } | undefined;
  for await (const { key } of storage.list(`${snapshotPrefix(job, snapshot)}.run/units/`)) {
    const n = Number(/\/(\d+)\.json$/.exec(key)?.[1] ?? -1);
    if (n > (last?.n ?? -1)) last = { key, n };
  }
  if (last === undefined) return undefined;
  try {
    const record = parseDocument(
      unitRecordSchema,
      last.key,
      await readAll(await storage.get(last.key), MAX_RECORD_BYTES),
    );
    return record.startedAt === undefined ? undefined : new Date(record.startedAt);
  } catch (error) {
    // Removed meanwhile, or damaged: then the age of the run alone decides.
    if (error instanceof NotFoundError || error instanceof IntegrityError || error instanceof RangeError)
      return undefined;
    throw error;
  }
}
