import type { Db, Document, MongoClient, RunCursorCommandOptions, Timestamp } from "mongodb";
import { abortable } from "./client.ts";
import { driverFault } from "./fault.ts";

export interface ServerInfo {
  /** `7.0.12`. */
  readonly version: string;
  /** Undefined for a server that is in none, and for a mongos. */
  readonly setName: string | undefined;
  readonly isMongos: boolean;
  /** A moment to read at, where the server can read as of a moment. */
  readonly snapshotTime: Timestamp | undefined;
}

/** Wire version of MongoDB 5.0, the first with snapshot reads outside transactions. */
const SNAPSHOT_WIRE_VERSION = 13;

/** What there is to know of the server before it is read. */
export async function serverInfo(client: MongoClient, signal: AbortSignal): Promise<ServerInfo> {
  const hello = await command(client, "admin", { hello: 1 }, signal);
  const { version } = await command(client, "admin", { buildInfo: 1 }, signal);
  const setName = typeof hello.setName === "string" ? hello.setName : undefined;
  const isMongos = hello.msg === "isdbgrid";
  const canSnapshot = Number(hello.maxWireVersion) >= SNAPSHOT_WIRE_VERSION && (setName !== undefined || isMongos);
  return { version: String(version), setName, isMongos, snapshotTime: canSnapshot ? hello.operationTime : undefined };
}

/** True from this version on: `atLeast("8.3.1", 8, 3)`. */
export function atLeast(version: string, major: number, minor: number): boolean {
  const [isMajor = 0, isMinor = 0] = version.split(/[.+-]/).map(Number);
  return isMajor > major || (isMajor === major && isMinor >= minor);
}

/** Runs one command. @throws SourceError | TransientError, or the signal's reason */
export async function command(
  client: MongoClient,
  db: string,
  document: Document,
  signal: AbortSignal,
): Promise<Document> {
  signal.throwIfAborted();
  try {
    return await abortable(databaseOf(client, db).command(document, { readPreference: client.readPreference }), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw driverFault(error, `${Object.keys(document)[0]} on ${db}`);
  }
}

const databases = new WeakMap<MongoClient, Map<string, Db>>();

/** The driver makes a new one at each call, which costs as much as a command. */
export function databaseOf(client: MongoClient, name: string): Db {
  const known = databases.get(client) ?? new Map<string, Db>();
  databases.set(client, known);
  const db = known.get(name) ?? client.db(name);
  known.set(name, db);
  return db;
}

/** The documents that a cursor command finds, a reply at a time, as their bytes. They are views into the reply: copy them at once. */
export async function* rawReplies(
  client: MongoClient,
  db: string,
  document: Document,
  { signal, nextBatchSize }: { signal: AbortSignal; nextBatchSize?: (reply: readonly Buffer[]) => number },
): AsyncGenerator<readonly Buffer[]> {
  signal.throwIfAborted();
  const options: RunCursorCommandOptions & { raw: true } = { raw: true, readPreference: client.readPreference };
  const cursor = databaseOf(client, db).runCursorCommand(document, options);
  try {
    // The driver does not break off a reply that it waits for, so we stop waiting.
    while (await abortable(cursor.hasNext(), signal)) {
      const reply = cursor.readBufferedDocuments().map(asBuffer);
      if (nextBatchSize !== undefined) cursor.setBatchSize(nextBatchSize(reply));
      yield reply;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    const closing = cursor.close();
    if (signal.aborted) closing.catch(() => {});
    else await closing;
  }
}

/** `raw: true` makes bytes of documents, which the driver's types do not know. */
function asBuffer(document: unknown): Buffer {
  if (!(document instanceof Uint8Array)) throw new TypeError("the driver gave a document instead of its bytes");
  return Buffer.isBuffer(document) ? document : Buffer.from(document.buffer, document.byteOffset, document.byteLength);
}
