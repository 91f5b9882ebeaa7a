import { booleanElement, bsonDocument, int32Element, int64Element, textElement } from "./bson-write.ts";

/**
 * The archive format of MongoDB's own tools, piece by piece:
 *
 *     magic, header document, a document for each collection, terminator        the prelude
 *     ( namespace header, documents, terminator )*                              blocks, of several namespaces in turn
 *
 * The last block of a namespace has no documents; its header says so (`EOF`) and has the CRC-64 of all the documents.
 */

export const MAGIC = 0x8199e26d;
export const TERMINATOR = -1;
/** What the tools accept in an archive. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const FORMAT_VERSION = "0.1";

export interface ArchiveHead {
  /** At least how many namespaces are open at once: with less, mongorestore waits for ever. */
  readonly concurrentCollections: number;
  readonly version: string;
  readonly serverVersion: string;
  readonly toolVersion: string;
}

/** What the prelude says of one collection. */
export interface ArchivedCollection {
  readonly db: string;
  readonly collection: string;
  /** Options, indexes and UUID as Extended JSON; empty for users, roles and the oplog. */
  readonly metadata: string;
  /** Always 0 in what the tools write. */
  readonly size: number;
  /** Absent in archives of tools before 100.0. */
  readonly type: string | undefined;
}

export interface NamespaceName {
  readonly db: string;
  readonly collection: string;
}

export interface BlockHeader extends NamespaceName {
  /** True for the last block of a namespace. */
  readonly isEnd: boolean;
  readonly crc: bigint;
}

export const terminator: Buffer = int32(TERMINATOR);

export function preludeBytes(head: ArchiveHead, collections: readonly ArchivedCollection[]): Buffer {
  return Buffer.concat([uint32(MAGIC), headDocument(head), ...collections.map(collectionDocument), terminator]);
}

export function blockHeaderBytes({ db, collection, isEnd, crc }: BlockHeader): Buffer {
  return bsonDocument(
    textElement("db", db),
    textElement("collection", collection),
    booleanElement("EOF", isEnd),
    int64Element("CRC", crc),
  );
}

export const archiveHead = (fields: Omit<ArchiveHead, "version">): ArchiveHead => ({
  ...fields,
  version: FORMAT_VERSION,
});

/** A name for maps: no name of a database or a collection has a NUL. */
export const namespaceKey = ({ db, collection }: NamespaceName): string => `${db}\0${collection}`;

/** For people, as MongoDB writes it. */
export const namespaceText = ({ db, collection }: NamespaceName): string =>
  db === "" ? collection : `${db}.${collection}`;

/** Under which name the documents of a time series collection stand in archives of servers before 8.3. */
export const BUCKETS = "system.buckets.";

/** Users and roles. mongorestore looks for them only until the first ordinary namespace begins. */
export function isSpecial({ db, collection }: NamespaceName): boolean {
  return (
    collection.startsWith("$admin.system.") || (db === "admin" && /^system\.(users|roles|version)$/.test(collection))
  );
}

/** Where the oplog stands in an archive, behind all else. */
export const OPLOG: NamespaceName = { db: "", collection: "oplog" };

export const isOplog = ({ db, collection }: NamespaceName): boolean =>
  db === OPLOG.db && collection === OPLOG.collection;

function headDocument(head: ArchiveHead): Buffer {
  return bsonDocument(
    int32Element("concurrent_collections", head.concurrentCollections),
    textElement("version", head.version),
    textElement("server_version", head.serverVersion),
    textElement("tool_version", head.toolVersion),
  );
}

function collectionDocument({ db, collection, metadata, size, type }: ArchivedCollection): Buffer {
  return bsonDocument(
    textElement("db", db),
    textElement("collection", collection),
    textElement("metadata", metadata),
    int32Element("size", size),
    ...(type === undefined ? [] : [textElement("type", type)]),
  );
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
