import type { Document, MongoClient, Timestamp } from "mongodb";
import type { DocumentSource } from "./database-plan.ts";
import { rawReplies } from "./server.ts";

/** Documents as they lie one behind the other in an archive. */
export interface DocumentBlock {
  readonly bytes: Buffer;
  readonly documents: number;
}

/** As the server itself begins, before anything is known of the documents' size. */
const FIRST_BATCH = 101;
/** Large enough that a round trip weighs nothing, small enough that several collections at once stay small. */
const REPLY_BYTES = 2 * 1024 * 1024;
const MAX_BATCH = 100_000;

/** A block for each reply. The bytes of the documents are those that the server sent. @throws what the driver throws */
export async function* readDocuments(
  client: MongoClient,
  source: DocumentSource,
  snapshotTime: Timestamp | undefined,
  signal: AbortSignal,
): AsyncGenerator<DocumentBlock, undefined> {
  const command = findCommand(source, snapshotTime);
  let [documents, bytes] = [0, 0];
  const nextBatchSize = (reply: readonly Buffer[]) => {
    documents += reply.length;
    for (const { byteLength } of reply) bytes += byteLength;
    return Math.max(1, Math.min(MAX_BATCH, Math.round(REPLY_BYTES / (bytes / documents))));
  };
  for await (const reply of rawReplies(client, source.db, command, { signal, nextBatchSize })) {
    yield { bytes: Buffer.concat(reply as Buffer[]), documents: reply.length };
  }
  return undefined;
}

function findCommand({ collection, filter, rawData }: DocumentSource, snapshotTime: Timestamp | undefined): Document {
  return {
    find: collection,
    batchSize: FIRST_BATCH,
    // All of a collection is read in its own order, whatever plan an administrator has set for empty filters.
    ...(filter === undefined ? { hint: { $natural: 1 } } : { filter }),
    ...(rawData ? { rawData: true } : {}),
    ...(snapshotTime === undefined ? {} : { readConcern: { level: "snapshot", atClusterTime: snapshotTime } }),
  };
}
