import type { MongoClient, Timestamp } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { SourceError, TransientError } from "../../errors.ts";
import type { CollectContext, Item } from "../connector.ts";
import type { ArchivedNamespaceFacts, ArchiveSource } from "./archive-facts.ts";
import { type ArchivedCollection, isSpecial } from "./archive-format.ts";
import { type ArchiveReading, archiveItem } from "./archive-item.ts";
import { countFault, countWarning } from "./counts.ts";
import { type DatabasePlan, planDatabase } from "./database-plan.ts";
import { databaseBytes, SNAPSHOT_MAX_BYTES } from "./database-size.ts";
import { driverArchive, SnapshotRefusedError } from "./driver-archive.ts";
import { type DumpProgram, programArchive, programFor } from "./mongodump.ts";
import { momentText, oplogEnd, oplogStart } from "./oplog.ts";
import { oplogItem } from "./oplog-item.ts";
import type { DatabaseOptions, MongodbOptions } from "./options.ts";
import { type ServerInfo, serverInfo } from "./server.ts";

export interface DatabaseReading {
  readonly client: MongoClient;
  readonly server: ServerInfo;
  readonly database: DatabaseOptions;
  readonly options: MongodbOptions;
  readonly strategy: MongodbOptions["dump_strategy"];
  /** Undefined where the driver is to read. */
  readonly program: DumpProgram | undefined;
  /** Databases that could not be read as of one moment, so that the next attempt does without. */
  readonly withoutSnapshot: Set<string>;
  /** Databases of the strategy `auto` that mongodump could not read, likewise. */
  readonly withoutProgram: Set<string>;
}

/** The archive of one database, then what the oplog has of the time that it took. */
export async function* collectDatabase(given: DatabaseReading, context: CollectContext): AsyncGenerator<Item> {
  const { client, server, database, options, strategy } = given;
  const { signal, warn } = context;
  const { users_and_roles: usersAndRoles } = options;
  const db = database.name;
  // Before anything is looked at: what is written from here on is in the oplog.
  const start = options.oplog ? await oplogStart(client, signal) : undefined;
  const plan = await planDatabase(client, server, database, usersAndRoles, signal);
  for (const pattern of plan.unmatched) {
    warn({ code: "MONGODB_PATTERN_UNMATCHED", message: `no collection of ${db} matches ${pattern}` });
  }
  const program = programFor(given.program, strategy, plan);
  const reading = { ...given, program };
  const snapshotTime = await chosenSnapshot(reading, start, signal);
  let last: ArchiveReading | undefined;

  async function* read(onReading: (reading: ArchiveReading) => void): Bytes {
    const source: ArchiveSource = {
      database: db,
      strategy: reading.program === undefined ? "driver" : "mongodump",
      server: server.version,
      snapshot: snapshotTime === undefined ? undefined : momentText(snapshotTime),
    };
    last = { source, collections: [] };
    onReading(last);
    yield* archiveBytes(reading, plan, snapshotTime, last.collections, signal);
    mustHaveBeenRead(db, last.collections);
  }

  yield archiveItem({ ...restoreOf(plan, db, usersAndRoles), withOplog: options.oplog }, read);
  const differing = countWarning(db, last?.collections ?? []);
  if (differing !== undefined) warn({ code: "MONGODB_COUNTS_DIFFER", message: differing });
  if (start !== undefined) {
    const end = await oplogEnd(client, signal);
    const collections = plan.collections.map(({ archived }) => archived).filter(isIndexedAfterReplay);
    yield oplogItem(client, { database: db, server: server.version, collections, start, end, signal });
  }
  if (plan.forbidden.length > 0) throw incomplete(db, plan.forbidden);
}

function restoreOf({ collections }: DatabasePlan, database: string, usersAndRoles: boolean) {
  const archived = collections.map((one) => one.archived);
  return {
    database,
    withUsers: usersAndRoles && database !== "admin",
    series: archived.filter(({ type }) => type === "timeseries").map(({ collection }) => collection),
  };
}

const isIndexedAfterReplay = (collection: ArchivedCollection): boolean =>
  collection.type === "collection" && !isSpecial(collection);

async function* archiveBytes(
  reading: DatabaseReading,
  plan: DatabasePlan,
  snapshotTime: Timestamp | undefined,
  collections: ArchivedNamespaceFacts[],
  signal: AbortSignal,
): Bytes {
  const { client, server, database, options, program, withoutSnapshot } = reading;
  const onEnd = (facts: ArchivedNamespaceFacts) => collections.push(facts);
  if (program !== undefined) {
    const usersAndRoles = options.users_and_roles;
    try {
      yield* programArchive(program, { client, database, plan, usersAndRoles, signal, onEnd });
    } catch (error) {
      throw byDriverNext(error, reading);
    }
    return;
  }
  try {
    const parallel = options.parallel_collections;
    const { collections: planned } = plan;
    yield* driverArchive(client, {
      collections: planned,
      serverVersion: server.version,
      parallel,
      snapshotTime,
      signal,
      onEnd,
    });
  } catch (error) {
    if (error instanceof SnapshotRefusedError) withoutSnapshot.add(database.name);
    throw error;
  }
}

/** Nobody asked for mongodump where `auto` chose it: whatever it fails at, the driver that listed the database may read it. */
function byDriverNext(error: unknown, { database, strategy, withoutProgram }: DatabaseReading): unknown {
  if (strategy !== "auto") return error;
  withoutProgram.add(database.name);
  return error instanceof SourceError ? new TransientError(error.code, error.message, { cause: error }) : error;
}

/** Whether all of it is read as of one moment: where the server can, and where it will be through before that is too old. */
async function chosenSnapshot(
  { client, server, database, program, withoutSnapshot }: DatabaseReading,
  oplogFrom: Timestamp | undefined,
  signal: AbortSignal,
): Promise<Timestamp | undefined> {
  if (server.snapshotTime === undefined || program !== undefined || withoutSnapshot.has(database.name))
    return undefined;
  const bytes = await databaseBytes(client, database.name, signal);
  if (bytes === undefined || bytes > SNAPSHOT_MAX_BYTES) return undefined;
  if (oplogFrom === undefined) return server.snapshotTime;
  // Not before the oplog begins: what was written between the two would be in neither.
  const { snapshotTime } = await serverInfo(client, signal);
  return snapshotTime?.greaterThan(oplogFrom) === true ? snapshotTime : oplogFrom;
}

function mustHaveBeenRead(db: string, collections: readonly ArchivedNamespaceFacts[]): void {
  const fault = countFault(db, collections);
  if (fault !== undefined) throw new TransientError("SOURCE_TRUNCATED", fault);
}

function incomplete(db: string, forbidden: readonly string[]): SourceError {
  const shown = forbidden.slice(0, 5).join(", ") + (forbidden.length > 5 ? ", …" : "");
  const what = forbidden.length === 1 ? "1 collection" : `${forbidden.length} collections`;
  return new SourceError(
    "SOURCE_INCOMPLETE",
    `${db}: ${what} may not be read by these credentials, the rest is stored: ${shown}`,
  );
}
