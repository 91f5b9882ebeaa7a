import type { MongoClient, Timestamp } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { fileName } from "../../keys.ts";
import { tool } from "../../tool.ts";
import type { Facts, Item } from "../connector.ts";
import { namespaceBlocks } from "./archive-blocks.ts";
import { type ArchivedCollection, archiveHead, MAX_DOCUMENT_BYTES, OPLOG, preludeBytes } from "./archive-format.ts";
import { momentText, mustReachBack, oplogEntries } from "./oplog.ts";
import { momentOf } from "./oplog-entry.ts";
import { oplogLine } from "./restore-lines.ts";

export const OPLOG_TYPE = "application/x-mongodb-oplog";

export interface OplogItemOptions {
  readonly database: string;
  readonly server: string;
  /** Whose indexes are built once the oplog has been replayed. */
  readonly collections: readonly ArchivedCollection[];
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly signal: AbortSignal;
}

/**
 * What was written to a database between two moments, as an archive that has no documents: the definitions of its
 * collections, and the oplog. `mongorestore --oplogReplay` replays that and then builds the indexes.
 */
export function oplogItem(client: MongoClient, options: OplogItemOptions): Item {
  const { database, server, collections, start, end, signal } = options;
  let facts: Facts | undefined;

  async function* open(): Bytes {
    facts = undefined;
    let [documents, bytes] = [0, 0];
    let [first, last]: (string | undefined)[] = [];
    await mustReachBack(client, start, signal);
    yield* definitions(server, collections);
    const oplog = namespaceBlocks(OPLOG);
    for await (const entries of oplogEntries(client, database, { start, end }, signal)) {
      const [oldest, newest] = [entries[0], entries.at(-1)];
      if (oldest === undefined || newest === undefined) continue;
      for (const entry of entries) mustFit(entry, database);
      const block = Buffer.concat(entries);
      first ??= momentOf(oldest);
      last = momentOf(newest);
      documents += entries.length;
      bytes += block.byteLength;
      yield* oplog.block(block);
    }
    yield oplog.end();
    await mustReachBack(client, start, signal);
    const reach = { start: momentText(start), end: momentText(end), first: first ?? null, last: last ?? null };
    facts = { documents, bytes, database, server, ...reach };
  }

  return {
    name: fileName(database, ".oplog.archive"),
    contentType: OPLOG_TYPE,
    compress: true,
    restore: oplogLine("{}"),
    open,
    facts() {
      if (facts === undefined) throw new Error("an oplog was asked for its facts before its last byte");
      return facts;
    },
  };
}

function* definitions(serverVersion: string, collections: readonly ArchivedCollection[]): Generator<Uint8Array> {
  const head = archiveHead({ concurrentCollections: 1, serverVersion, toolVersion: `${tool.name} ${tool.version}` });
  yield preludeBytes(head, [...collections, { ...OPLOG, metadata: "", size: 0, type: "" }]);
  for (const { db, collection } of collections) yield namespaceBlocks({ db, collection }).end();
}

/** An entry is a little longer than the document that it writes, and mongorestore takes no longer ones from an archive than documents may be. */
function mustFit(entry: Buffer, database: string): void {
  if (entry.byteLength <= MAX_DOCUMENT_BYTES) return;
  throw new SourceError(
    "SOURCE_FAILED",
    `${database}: an entry of the oplog has ${entry.byteLength} bytes, and mongorestore takes up to ${MAX_DOCUMENT_BYTES}: a document of nearly 16 MiB was written meanwhile; run it at another time, or without oplog`,
  );
}
