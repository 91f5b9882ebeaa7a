import { archiveFault } from "./archive-fault.ts";
import type { ArchivedCollection, ArchiveHead, BlockHeader } from "./archive-format.ts";
import { type BsonElement, BsonFault, BsonType, bsonElements, checkBson } from "./bson-read.ts";

/** Of the archive's own documents each has exactly the fields, of exactly the types, that the tools accept. */

export function readHead(document: Buffer): ArchiveHead {
  const fields = fieldsOf(document, "header");
  const head = {
    concurrentCollections: int32(fields, "concurrent_collections"),
    version: text(fields, "version"),
    serverVersion: text(fields, "server_version"),
    toolVersion: text(fields, "tool_version"),
  };
  nothingMore(fields);
  if (!/^\d+\.\d+\.\d+([-+].*)?$/.test(head.serverVersion))
    throw archiveFault(`its server_version ${JSON.stringify(head.serverVersion)} has not the form x.y.z`);
  if (head.concurrentCollections < 1) throw archiveFault(`its concurrent_collections is ${head.concurrentCollections}`);
  return head;
}

export function readCollection(document: Buffer): ArchivedCollection {
  const fields = fieldsOf(document, "collection's entry");
  const collection = {
    db: text(fields, "db"),
    collection: text(fields, "collection"),
    metadata: text(fields, "metadata"),
    size: int32(fields, "size"),
    type: fields.has("type") ? text(fields, "type") : undefined,
  };
  nothingMore(fields);
  return { ...collection, metadata: checkedMetadata(collection.collection, collection.metadata) };
}

export function readBlockHeader(document: Buffer): BlockHeader {
  const fields = fieldsOf(document, "namespace header");
  const header = {
    db: text(fields, "db"),
    collection: text(fields, "collection"),
    isEnd: value(fields, "EOF", BsonType.boolean)[0] === 1,
    crc: value(fields, "CRC", BsonType.int64).readBigInt64LE(),
  };
  nothingMore(fields);
  return header;
}

type Fields = Map<string, BsonElement> & { readonly what?: string };

function fieldsOf(document: Buffer, what: string): Fields {
  const fields = new Map<string, BsonElement>();
  try {
    checkBson(document);
    for (const element of bsonElements(document)) {
      if (fields.has(element.name)) throw archiveFault(`a ${what} has ${element.name} twice`);
      fields.set(element.name, element);
    }
  } catch (error) {
    if (!(error instanceof BsonFault)) throw error;
    throw archiveFault(`a ${what} is no BSON: ${error.message}`, error);
  }
  return Object.assign(fields, { what });
}

/** Takes the field out, so that what is left is what should not be there. */
function value(fields: Fields, name: string, type: number): Buffer {
  const element = fields.get(name);
  fields.delete(name);
  if (element?.type !== type) throw archiveFault(`a ${fields.what} has no ${name} of the right type`);
  return element.value;
}

const int32 = (fields: Fields, name: string): number => value(fields, name, BsonType.int32).readInt32LE();

function text(fields: Fields, name: string): string {
  const bytes = value(fields, name, BsonType.string);
  return bytes.toString("utf8", 4, bytes.byteLength - 1);
}

function nothingMore(fields: Fields): void {
  const [extra] = fields.keys();
  if (extra !== undefined) throw archiveFault(`a ${fields.what} has the unknown field ${JSON.stringify(extra)}`);
}

function checkedMetadata(collection: string, metadata: string): string {
  try {
    if (metadata !== "") JSON.parse(metadata);
    return metadata;
  } catch (error) {
    throw archiveFault(`the metadata of ${collection} is not JSON`, error);
  }
}
