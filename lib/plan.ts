import { isDeepStrictEqual } from "node:util";
import type { Backup } from "./backup.ts";
import type { Bytes } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import type { Checkpoint, Connector, JsonValue, Unit } from "./connectors/connector.ts";
import { ConfigError, DeferredError, LeaseLostError, StorageError } from "./errors.ts";
import { openedEncryption } from "./job-encryption.ts";
import { findJob } from "./jobs.ts";
import { jobPrefix, planKey, runKey, snapshotId } from "./keys.ts";
import { type KnownUnits, knownUnits } from "./known-units.ts";
import type { LeasedBackup } from "./lease/under-lease.ts";
import { begunListing, writeListing } from "./listing.ts";
import { documentBytes } from "./manifest.ts";
import { refuseOtherKey } from "./names-key.ts";
import { narrowed } from "./narrow.ts";
import { type PlanLine, planLineBytes, type RunPointer } from "./plan-line.ts";
import { putDocument } from "./put-document.ts";
import { type BegunRun, findUnfinished, type ResumeMode, resume } from "./resume/resume.ts";
import { configurationDigest, type RunDocument } from "./resume/run-document.ts";
import { runId } from "./run-id.ts";
import type { Storage } from "./storage/storage.ts";

export interface Planned extends RunPointer {
  readonly units: number;
  /** The token of the lease that the run is under, for steps in processes of their own (`continueLease`). */
  readonly lease: string;
  /** For a run that was taken up again: when, this time last. */
  readonly resumedAt: readonly string[];
}

export interface PlanInput {
  readonly job: string;
  readonly resume: ResumeMode;
  /** Ids or globs of units that the run is narrowed to (`choiceOf`); all when absent. */
  readonly only?: readonly string[] | undefined;
  /** What goes on where the source put off being listed; without it that is begun anew. */
  readonly execution?: string | undefined;
}

/** Two runs of one job can be planned in one second; the later one takes the next second that is free. */
const MAX_SECONDS_AHEAD = 10;

/**
 * Begins a run: checks storage and source, lists the units, and stores the plan under a snapshot id of its own; or
 * takes up an unfinished one, whose plan stands.
 * Throws before anything is stored when either side cannot be used.
 * @throws ConfigError | SourceError | StorageError | TransientError
 * @throws DeferredError where waiting is left to others. What was listed by then is stored for the same execution, which goes on from there
 */
export async function plan(backup: LeasedBackup, input: PlanInput): Promise<Planned> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  // Under the lease nobody else writes there, so what lies there in the making is left over.
  await storage.prepare(jobPrefix(job.name));
  await refuseOtherKey(storage, job.name, backup.now());
  return withConnector(backup, job, async (connector) => {
    const unfinished = await findUnfinished(backup, job, input.resume, input.only);
    const begun =
      unfinished === undefined
        ? await beginAnew(backup, job, storage, connector, input)
        : await resume(backup, job, unfinished);
    const { run, snapshot, units, resumed, resumedAt } = begun;
    await backup.lease.describe({ run, snapshot });
    backup.emit({ type: "planned", job: job.name, run, snapshot, units });
    const log = backup.log.with({ job: job.name, run });
    log.info(resumed === 0 ? "planned" : "an unfinished run is taken up again", { snapshot, units });
    return { job: job.name, snapshot, run, units, resumed, resumedAt, lease: backup.lease.token };
  });
}

async function beginAnew(
  backup: LeasedBackup,
  job: Job,
  storage: Storage,
  connector: Connector,
  { only, execution }: PlanInput,
): Promise<BegunRun> {
  const encryption = await openedEncryption(backup, job);
  const known = await knownUnits(storage, job.name, encryption, backup.now());
  const run = runId(backup.now());
  const mayGoOn = backup.waits === "elsewhere" && execution !== undefined;
  const before = mayGoOn ? await begunListing(backup, job, storage, { execution, only }) : undefined;
  const listing: Listing = { notes: undefined, putOff: undefined };
  const { snapshot, units } = await storePlan(backup, job, storage, (count) => {
    const checkpoint: Checkpoint = {
      before: before?.notes,
      note(notes) {
        listing.notes = notes;
      },
    };
    const fresh = connector.units(backup.signal, { known: known.all(), ...(mayGoOn ? { checkpoint } : {}) });
    const all = narrowed(before === undefined ? fresh : both(before.listed(), fresh), only, job.name);
    return planLines(untilPutOff(all, listing), run, job, known, count);
  });
  if (listing.putOff !== undefined && execution !== undefined) {
    const notes = listing.notes?.();
    await writeListing(storage, job, snapshot, { execution, only, units, notes });
    const { message, until } = listing.putOff;
    // Also what gives no unit of the run is a step: pages of others, and what turns out to be gone.
    throw new DeferredError(until, message, {
      cause: listing.putOff,
      isFurther: !isDeepStrictEqual(notes, before?.notes),
    });
  }
  const document: RunDocument = {
    schemaVersion: 1,
    run,
    job: job.name,
    service: job.service,
    configuration: configurationDigest(job),
    encryption: encryption === undefined ? null : { type: encryption.type, recipients: [...encryption.recipients] },
    ...(only === undefined ? {} : { only: [...only] }),
    units,
  };
  await putDocument(storage, runKey(job.name, snapshot), documentBytes(document), { ifAbsent: true, sweepable: true });
  return { run, snapshot, units, resumed: 0, resumedAt: [] };
}

interface Listing {
  /** What the connector goes on by. */
  notes: (() => JsonValue) | undefined;
  /** Why it did not come to its end. */
  putOff: DeferredError | undefined;
}

/** Ends where the source puts it off, so that what was listed is stored, were it nothing; not where the connector cannot go on. */
async function* untilPutOff(units: AsyncIterable<Unit>, listing: Listing): AsyncIterable<Unit> {
  Object.assign(listing, { notes: undefined, putOff: undefined });
  try {
    yield* units;
  } catch (error) {
    if (!(error instanceof DeferredError) || listing.notes === undefined) throw error;
    listing.putOff = error;
  }
}

async function* both<T>(first: AsyncIterable<T>, second: AsyncIterable<T>): AsyncIterable<T> {
  yield* first;
  yield* second;
}

/** What `plan` would list, with nothing written. */
export async function listUnits(backup: Backup, jobName: string, known: KnownUnits): Promise<readonly Unit[]> {
  const job = findJob(backup.config, jobName);
  await refuseOtherKey(await backup.storage(job), job.name, backup.now());
  return withConnector(backup, job, async (connector) => {
    await openedEncryption(backup, job);
    const units: Unit[] = [];
    for await (const unit of uniqueUnits(connector.units(backup.signal, { preview: true, known: known.all() })))
      units.push(unit);
    return units;
  });
}

async function withConnector<T>(backup: Backup, job: Job, work: (connector: Connector) => Promise<T>): Promise<T> {
  const connector = await backup.connector(job);
  await connector.prepare(backup.signal);
  return work(connector);
}

async function storePlan(
  backup: LeasedBackup,
  job: Job,
  storage: Storage,
  lines: (counted: { units: number }) => Bytes,
): Promise<{ snapshot: string; units: number }> {
  const begun = backup.now().getTime();
  for (let ahead = 0; ; ahead += 1) {
    const snapshot = snapshotId(new Date(begun + ahead * 1000));
    const counted = { units: 0 };
    try {
      await storage.put(planKey(job.name, snapshot), lines(counted), { ifAbsent: true, sweepable: true });
      return { snapshot, units: counted.units };
    } catch (error) {
      const taken = error instanceof StorageError && error.code === "STORAGE_EXISTS";
      if (taken && ahead < MAX_SECONDS_AHEAD) continue;
      // Who took the job over has abandoned what was in the making: that is then the reason, and not its consequence.
      const lost = await backup.lease.check().catch((thrown: unknown) => thrown);
      throw lost instanceof LeaseLostError ? lost : error;
    }
  }
}

async function* planLines(
  units: AsyncIterable<Unit>,
  run: string,
  job: Job,
  known: KnownUnits,
  counted: { units: number },
): Bytes {
  for await (const unit of uniqueUnits(units)) {
    const line: PlanLine = {
      n: counted.units,
      run,
      ...lineOf(unit),
      compute: computeOf(job, unit, known),
      ...(await known.of(unit)),
    };
    counted.units += 1;
    yield planLineBytes(line);
  }
}

function lineOf({ input, warnings, ...rest }: Unit): Pick<PlanLine, keyof Unit> {
  return { ...rest, input: { ...input }, ...(warnings === undefined ? {} : { warnings: [...warnings] }) };
}

/** A unit that had to go on to a task once is given one from then on, however small its source says that it is. */
function computeOf({ compute }: Job, unit: Unit, known: KnownUnits): Unit["compute"] {
  if (compute !== "auto") return compute;
  return known.compute(unit) === "fargate" ? "fargate" : unit.compute;
}

async function* uniqueUnits(units: AsyncIterable<Unit>): AsyncIterable<Unit> {
  const seen = new Set<string>();
  for await (const unit of units) {
    if (unit.id === "" || seen.has(unit.id)) {
      throw new ConfigError(`two units of the job are called ${JSON.stringify(unit.id)}; give them different names`);
    }
    seen.add(unit.id);
    yield unit;
  }
}
