import { setTimeout as delay } from "node:timers/promises";
import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { TransientError } from "../errors.ts";
import { type UnitRecord, unitOfRecord } from "../manifest.ts";
import { eachLimited } from "../pool.ts";
import { readRecord, recordedUnits } from "../record.ts";
import type { Storage } from "../storage/storage.ts";
import type { BegunExecution } from "./begun-execution.ts";
import type { Deployment } from "./deployment.ts";
import type { Execution } from "./execution.ts";

export interface FollowInput {
  readonly deployment: Deployment;
  readonly arn: string;
  readonly job: Job;
  readonly sleep?: (ms: number) => Promise<void>;
}

const FIRST_POLL_MS = 1_000;
const POLL_MS = 5_000;
/** Polls until what is asked becomes rare. */
const EAGER_POLLS = 30;
const RECORDS_AT_ONCE = 16;

/**
 * Waits for an execution's end and tells what its functions do by the events of a run at a desk, from the records that they
 * leave in the storage. The run goes on whether it is watched or not: stopping this stops the watching.
 * @throws CodedError `DEPLOYMENT_…` | StorageError | TransientError
 */
export async function follow(backup: Backup, input: FollowInput): Promise<Execution> {
  const { deployment, arn, job, sleep = (ms) => delay(ms, undefined, { signal: backup.signal }) } = input;
  const storage = await backup.storage(job);
  const seen = new Map<number, UnitRecord>();
  let begun: BegunExecution | undefined;
  for (let poll = 0; ; poll += 1) {
    backup.signal.throwIfAborted();
    const execution = await patiently(() => deployment.describe(arn));
    begun ??= await begunNow(backup, input);
    if (begun !== undefined) await tellRecords(backup, storage, job, begun, seen);
    if (execution !== undefined && execution.status !== "running") return execution;
    await sleep(poll < EAGER_POLLS ? FIRST_POLL_MS : POLL_MS);
  }
}

/** A question that was not answered is asked again at the next look. */
async function patiently<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

async function begunNow(backup: Backup, { deployment, arn, job }: FollowInput): Promise<BegunExecution | undefined> {
  const begun = await patiently(() => deployment.begun(arn));
  if (begun !== undefined) backup.emit({ type: "planned", job: job.name, ...begun });
  return begun;
}

async function tellRecords(
  backup: Backup,
  storage: Storage,
  job: Job,
  { run, snapshot, units }: BegunExecution,
  seen: Map<number, UnitRecord>,
): Promise<void> {
  const hasEnded = (n: number) => (seen.get(n)?.status ?? "running") !== "running";
  const open =
    seen.size === units && [...seen.keys()].every(hasEnded) ? [] : await recordedUnits(storage, job.name, snapshot);
  await eachLimited(
    [...open].filter(([n]) => !hasEnded(n)),
    RECORDS_AT_ONCE,
    async ([n, resumed]) => {
      const record = await patiently(() => readRecord(storage, { job: job.name, snapshot, run, resumed }, n));
      if (record === undefined) return;
      if (!seen.has(n)) backup.emit({ type: "unit-started", job: job.name, unit: record.id, expectedBytes: undefined });
      tell(backup, job, record);
      seen.set(n, record);
    },
  );
}

function tell(backup: Backup, job: Job, record: UnitRecord): void {
  const about = { job: job.name, unit: record.id };
  if (record.status !== "running") {
    backup.emit({ type: "unit-ended", ...about, result: unitOfRecord(record) });
  } else if (record.deferredUntil !== undefined) {
    backup.emit({ type: "unit-waiting", ...about, until: new Date(record.deferredUntil) });
  } else {
    const sourceBytes = record.artifacts.reduce((total, artifact) => total + artifact.sourceBytes, 0);
    backup.emit({ type: "unit-bytes", ...about, sourceBytes });
  }
}
