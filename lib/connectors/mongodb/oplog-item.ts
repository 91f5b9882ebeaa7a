import type { MongoClient, Timestamp } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import type { Facts, Item } from "../connector.ts";
import { momentOf, momentText, mustReachBack, oplogEntries } from "./oplog.ts";

export const OPLOG_TYPE = "application/x-mongodb-oplog";

export interface OplogItemOptions {
  readonly database: string;
  readonly server: string;
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly signal: AbortSignal;
}

/** What was written to a database between two moments, as mongorestore replays it: entries one behind the other. */
export function oplogItem(client: MongoClient, options: OplogItemOptions): Item {
  const { database, server, start, end, signal } = options;
  let facts: Facts | undefined;

  async function* open(): Bytes {
    facts = undefined;
    let [documents, bytes] = [0, 0];
    let [first, last]: (string | undefined)[] = [];
    await mustReachBack(client, start, signal);
    for await (const entries of oplogEntries(client, database, { start, end }, signal)) {
      const block = Buffer.concat(entries as Buffer[]);
      const [oldest, newest] = [entries[0], entries.at(-1)];
      if (oldest !== undefined) first ??= momentOf(oldest);
      if (newest !== undefined) last = momentOf(newest);
      documents += entries.length;
      bytes += block.byteLength;
      yield block;
    }
    await mustReachBack(client, start, signal);
    const reach = { start: momentText(start), end: momentText(end), first: first ?? null, last: last ?? null };
    facts = { documents, bytes, database, server, ...reach };
  }

  return {
    name: "oplog.bson",
    contentType: OPLOG_TYPE,
    compress: true,
    restore:
      "mkdir -p oplog && cp {} oplog/oplog.bson && mongorestore --config=mongorestore.yml --oplogReplay --dir=oplog",
    open,
    facts() {
      if (facts === undefined) throw new Error("an oplog was asked for its facts before its last byte");
      return facts;
    },
  };
}
