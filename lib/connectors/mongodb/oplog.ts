import type { Document, MongoClient, Timestamp } from "mongodb";
import { CodedError, SourceError, TransientError } from "../../errors.ts";
import { abortable } from "./client.ts";
import { driverFault } from "./fault.ts";
import { entryOf, notReplayable } from "./oplog-entry.ts";
import { rawReplies } from "./server.ts";

const ENTRIES = { db: "local", collection: "oplog.rs" };
const ENTRIES_A_REPLY = 5_000;

/**
 * From where on the oplog must be replayed over a copy that is begun now: the oldest transaction that is still open,
 * else the newest entry. @throws SourceError | TransientError
 */
export async function oplogStart(client: MongoClient, signal: AbortSignal): Promise<Timestamp> {
  const newest = await oplogEnd(client, signal);
  const oldest = await first(
    client,
    "config",
    {
      find: "transactions",
      filter: { state: { $in: ["prepared", "inProgress"] } },
      sort: { "startOpTime.ts": 1 },
      limit: 1,
      readConcern: { level: "local" },
    },
    signal,
  );
  const begun: Timestamp | undefined = oldest?.startOpTime?.ts;
  return begun?.lessThan(newest) === true ? begun : newest;
}

/** The newest entry. @throws SourceError `SOURCE_FAILED` when there is no oplog */
export const oplogEnd = (client: MongoClient, signal: AbortSignal): Promise<Timestamp> => entryAt(client, -1, signal);

/** That nothing from `start` on has been overwritten. @throws TransientError when the oplog is too small for what is written */
export async function mustReachBack(client: MongoClient, start: Timestamp, signal: AbortSignal): Promise<void> {
  const oldest = await entryAt(client, 1, signal);
  if (oldest.greaterThan(start)) {
    throw new TransientError(
      "SOURCE_UNAVAILABLE",
      "the oplog was overwritten while the database was read: it is too small for what is written in that time",
    );
  }
}

/**
 * What there is of one database from `start` to `end`, transactions of several included with its own part. In replies.
 * @throws TransientError for an entry after which the copy is of no use, such as a rename
 */
export async function* oplogEntries(
  client: MongoClient,
  db: string,
  { start, end }: { readonly start: Timestamp; readonly end: Timestamp },
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[]> {
  const ofDatabase = { ns: { $regex: `^${RegExp.escape(db)}\\.` } };
  const command = {
    find: ENTRIES.collection,
    filter: { ts: { $gte: start, $lte: end }, $or: [ofDatabase, { ns: "admin.$cmd" }] },
    batchSize: ENTRIES_A_REPLY,
  };
  try {
    for await (const reply of rawReplies(client, ENTRIES.db, command, { signal })) {
      const own = reply.map((entry) => entryOf(entry, db)).filter((entry) => entry !== undefined);
      for (const entry of own) mustBeReplayable(entry);
      yield own;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw driverFault(error, "reading the oplog");
  }
}

/** The moment of an entry, as `1732600000:1`. */
export const momentText = (time: Timestamp): string => `${time.getHighBitsUnsigned()}:${time.getLowBitsUnsigned()}`;

async function entryAt(client: MongoClient, direction: 1 | -1, signal: AbortSignal): Promise<Timestamp> {
  const entry = await first(
    client,
    ENTRIES.db,
    { find: ENTRIES.collection, sort: { $natural: direction }, limit: 1 },
    signal,
  );
  const time: Timestamp | undefined = entry?.ts;
  if (time === undefined)
    throw new SourceError("SOURCE_FAILED", "there is no oplog to read: the server must be a member of a replica set");
  return time;
}

async function first(
  client: MongoClient,
  db: string,
  command: Document,
  signal: AbortSignal,
): Promise<Document | undefined> {
  const cursor = client.db(db).runCursorCommand(command, { readPreference: client.readPreference });
  try {
    signal.throwIfAborted();
    return (await abortable(cursor.next(), signal)) ?? undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CodedError) throw error;
    throw driverFault(error, `reading ${db}.${command.find}`);
  } finally {
    const closing = cursor.close();
    if (signal.aborted) closing.catch(() => {});
    else await closing;
  }
}

function mustBeReplayable(entry: Buffer): void {
  const what = notReplayable(entry);
  if (what !== undefined)
    throw new TransientError("SOURCE_UNAVAILABLE", `the oplog has ${what} in the time that the database was read`);
}
