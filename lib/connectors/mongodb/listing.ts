import type { MongoClient } from "mongodb";
import { BsonType, bsonElements } from "./bson-read.ts";
import { rawReplies } from "./server.ts";

/** One entry of listCollections. */
export interface CollectionInfo {
  readonly name: string;
  /** `collection`, `view` or `timeseries`. */
  readonly type: string;
  /** The bytes of its options; undefined when it has none. */
  readonly options: Buffer | undefined;
  /** 32 hexadecimal digits. */
  readonly uuid: string | undefined;
}

const EMPTY_DOCUMENT_BYTES = 5;
const MANY = 1000;

/** @throws what the driver throws */
export async function listCollections(
  client: MongoClient,
  db: string,
  signal: AbortSignal,
  name?: string,
): Promise<CollectionInfo[]> {
  const found: CollectionInfo[] = [];
  const command = { listCollections: 1, filter: name === undefined ? {} : { name }, cursor: { batchSize: MANY } };
  for await (const reply of rawReplies(client, db, command, { signal })) {
    for (const document of reply) found.push(collectionInfo(document));
  }
  return found;
}

/** The bytes of each entry of listIndexes, in the server's order. @throws what the driver throws */
export async function listIndexes(
  client: MongoClient,
  db: string,
  collection: string,
  signal: AbortSignal,
): Promise<Buffer[]> {
  const found: Buffer[] = [];
  const command = { listIndexes: collection, cursor: { batchSize: MANY } };
  for await (const reply of rawReplies(client, db, command, { signal }))
    found.push(...reply.map((document) => Buffer.from(document)));
  return found;
}

function collectionInfo(document: Buffer): CollectionInfo {
  let [name, type] = ["", "collection"];
  let options: Buffer | undefined;
  let uuid: string | undefined;
  for (const element of bsonElements(document)) {
    if (element.name === "name") name = textOf(element.value);
    else if (element.name === "type") type = textOf(element.value);
    else if (element.name === "options" && element.value.byteLength > EMPTY_DOCUMENT_BYTES)
      options = Buffer.from(element.value);
    else if (element.name === "info" && element.type === BsonType.document) uuid = uuidOf(element.value);
  }
  return { name, type, options, uuid };
}

function uuidOf(info: Buffer): string | undefined {
  for (const { name, type, value } of bsonElements(info)) {
    if (name === "uuid" && type === BsonType.binary) return value.toString("hex", 5);
  }
  return undefined;
}

const textOf = (value: Buffer): string => value.toString("utf8", 4, value.byteLength - 1);
