import type { MongoClient, Timestamp } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { SourceError, TransientError } from "../../errors.ts";
import { tool } from "../../tool.ts";
import { type NamespaceBlocks, namespaceBlocks } from "./archive-blocks.ts";
import type { ArchivedNamespaceFacts } from "./archive-facts.ts";
import { archiveHead, isSpecial, namespaceText, preludeBytes } from "./archive-format.ts";
import { countOf, type PlannedCollection } from "./database-plan.ts";
import { driverFault, isForbidden, isMissingNamespace, isSnapshotRefused } from "./fault.ts";
import { interleave } from "./interleave.ts";
import { listCollections } from "./listing.ts";
import { type DocumentBlock, readDocuments } from "./read-documents.ts";

export interface DriverArchiveOptions {
  readonly collections: readonly PlannedCollection[];
  readonly serverVersion: string;
  readonly parallel: number;
  readonly snapshotTime: Timestamp | undefined;
  readonly signal: AbortSignal;
  /** Hears of each namespace when all of it has been read. */
  readonly onEnd: (facts: ArchivedNamespaceFacts) => void;
}

/** The server no longer gives, or never gave, the moment that was asked for. Trying again without it helps. */
export class SnapshotRefusedError extends TransientError {}
Object.defineProperty(SnapshotRefusedError.prototype, "name", { value: "SnapshotRefusedError", enumerable: false });

interface Reading {
  readonly planned: PlannedCollection;
  readonly blocks: NamespaceBlocks;
  documents: number;
  bytes: number;
  countAfter: number | undefined;
}

/** An archive of these collections in mongodump's format, read through the driver. @throws SourceError | TransientError */
export async function* driverArchive(client: MongoClient, options: DriverArchiveOptions): Bytes {
  const { collections, parallel, serverVersion } = options;
  const read = (reading: Reading, stopped: AbortSignal) =>
    readCollection(client, reading, { ...options, signal: AbortSignal.any([options.signal, stopped]) });
  yield preludeBytes(
    archiveHead({ concurrentCollections: parallel, serverVersion, toolVersion: `${tool.name} ${tool.version}` }),
    collections.map(({ archived }) => archived),
  );
  const readings = collections.map(readingOf);
  const special = readings.filter(({ planned }) => isSpecial(planned.header));
  const ordinary = readings.filter(({ planned }) => !isSpecial(planned.header));
  for (const [group, limit] of [
    [special, 1],
    [ordinary, parallel],
  ] as const) {
    for await (const { source, piece } of interleave(group, limit, read)) {
      if (piece !== undefined) yield* source.blocks.block(piece.bytes);
      else {
        yield source.blocks.end();
        options.onEnd(factsOf(source));
      }
    }
  }
}

const readingOf = (planned: PlannedCollection): Reading => ({
  planned,
  blocks: namespaceBlocks(planned.header),
  documents: 0,
  bytes: 0,
  countAfter: undefined,
});

function factsOf({ planned, documents, bytes, countAfter }: Reading): ArchivedNamespaceFacts {
  const { collection: name, type = "" } = planned.archived;
  const before = planned.source?.count;
  const counted = before === undefined || countAfter === undefined ? undefined : ([before, countAfter] as const);
  return { name, type, documents, bytes, indexes: planned.indexes, counted };
}

async function* readCollection(
  client: MongoClient,
  reading: Reading,
  { snapshotTime, signal }: DriverArchiveOptions,
): AsyncGenerator<DocumentBlock, undefined> {
  const { source, archived } = reading.planned;
  if (source === undefined) return undefined;
  const at =
    source.isCapped || source.rawData || source.db === "config" || source.db === "admin" ? undefined : snapshotTime;
  try {
    for await (const piece of readDocuments(client, source, at, signal)) {
      reading.documents += piece.documents;
      reading.bytes += piece.bytes.byteLength;
      yield piece;
    }
    if (source.count !== undefined) reading.countAfter = await countOf(client, source.db, source.collection, signal);
    if (reading.documents === 0) await mustBeThere(client, reading.planned, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw readingFault(error, `reading ${namespaceText(archived)}`, at !== undefined);
  }
  return undefined;
}

/** A collection that was dropped before it was read looks like an empty one. */
async function mustBeThere(
  client: MongoClient,
  { archived, uuid, source }: PlannedCollection,
  signal: AbortSignal,
): Promise<void> {
  const { db, collection } = archived;
  // Users are read from another database, and a query may well match nothing.
  if (source === undefined || source.db !== db || archived.metadata === "") return;
  const [now] = await listCollections(client, db, signal, collection);
  if (now === undefined || now.uuid !== uuid)
    throw new TransientError("SOURCE_UNAVAILABLE", `${db}.${collection} was dropped or renamed while ${db} was read`);
}

function readingFault(error: unknown, what: string, withSnapshot: boolean): unknown {
  if (withSnapshot && isSnapshotRefused(error)) {
    const said = error instanceof Error ? error.message : "";
    return new SnapshotRefusedError("SOURCE_UNAVAILABLE", `${what} as of one moment: ${said}`, { cause: error });
  }
  if (isMissingNamespace(error)) return driverFault(error, what);
  if (isForbidden(error))
    return new SourceError("SOURCE_FORBIDDEN", `${what} is not allowed to these credentials`, { cause: error });
  return driverFault(error, what);
}
