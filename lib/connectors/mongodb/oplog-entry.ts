import { type BsonElement, BsonType, bsonElements } from "./bson-read.ts";
import { bsonDocument, element } from "./bson-write.ts";

const TRANSACTION = ["applyOps", "commitTransaction", "abortTransaction"];
/**
 * Commands that mongorestore replays or passes over; at all others it ends (knownCommands, ignoredCEntries in mongorestore/oplog.go of the tools'
 * 100.18). renameCollection is not among them, though it knows it: after that, documents that were read do not belong where they were read.
 */
const REPLAYED: ReadonlySet<string> = new Set([
  ...TRANSACTION,
  ...["create", "drop", "dropDatabase", "collMod", "convertToCapped", "emptycapped", "dbCheck"],
  ...["createIndexes", "deleteIndex", "deleteIndexes", "dropIndex", "dropIndexes"],
  ...["startIndexBuild", "abortIndexBuild", "commitIndexBuild", "setMultikeyMetadata"],
]);

/**
 * An entry as it is to be replayed for one database: mongorestore replays all that it is given, and a transaction may
 * hold writes to other databases too. Undefined when there is nothing of this one in it.
 */
export function entryOf(entry: Buffer, db: string): Buffer | undefined {
  const fields = fieldsOf(entry);
  const operation = fields.get("o");
  const isOwn = textOf(fields.get("ns")).startsWith(`${db}.`);
  if (textOf(fields.get("op")) !== "c" || operation?.type !== BsonType.document) return isOwn ? entry : undefined;
  const [command] = bsonElements(operation.value);
  if (command === undefined || !TRANSACTION.includes(command.name)) return isOwn ? entry : undefined;
  if (command.name !== "applyOps") return entry;
  const writes = [...bsonElements(command.value)];
  const kept = writes.filter(({ value }) => textOf(fieldsOf(value).get("ns")).startsWith(`${db}.`));
  if (kept.length === writes.length) return entry;
  if (kept.length === 0 && !isPartOfMore(fields, operation)) return undefined;
  const array = bsonDocument(...kept.map(({ type, value }, index) => element(type, String(index), value)));
  return withField(entry, "o", withField(operation.value, "applyOps", array));
}

/** The command of an entry that cannot be replayed over a copy, such as `renameCollection on app.$cmd`. */
export function notReplayable(entry: Buffer): string | undefined {
  const fields = fieldsOf(entry);
  const operation = fields.get("o");
  if (textOf(fields.get("op")) !== "c" || operation?.type !== BsonType.document) return undefined;
  const [command] = bsonElements(operation.value);
  if (command === undefined) return undefined;
  if (!REPLAYED.has(command.name)) return `${command.name} on ${textOf(fields.get("ns"))}`;
  if (command.name !== "applyOps") return undefined;
  const nested = [...bsonElements(command.value)].map(({ value }) => notReplayable(value));
  return nested.find((what) => what !== undefined);
}

/** The moment of an entry, as `1732600000:1`. */
export function momentOf(entry: Buffer): string | undefined {
  for (const { name, type, value } of bsonElements(entry)) {
    if (name === "ts" && type === BsonType.timestamp) return `${value.readUInt32LE(4)}:${value.readUInt32LE(0)}`;
  }
  return undefined;
}

/** Entries of one transaction point at the one before; whoever replays them wants all. */
function isPartOfMore(fields: ReadonlyMap<string, BsonElement>, operation: BsonElement): boolean {
  const flags = fieldsOf(operation.value);
  if (flags.has("prepare") || flags.has("partialTxn")) return true;
  const before = fields.get("prevOpTime");
  const time = before?.type === BsonType.document ? fieldsOf(before.value).get("ts") : undefined;
  return time?.type === BsonType.timestamp && time.value.some((byte) => byte !== 0);
}

function withField(document: Buffer, name: string, value: Buffer): Buffer {
  const elements = [...bsonElements(document)];
  return bsonDocument(...elements.map((one) => element(one.type, one.name, one.name === name ? value : one.value)));
}

function fieldsOf(document: Buffer): ReadonlyMap<string, BsonElement> {
  return new Map([...bsonElements(document)].map((one) => [one.name, one]));
}

function textOf(field: BsonElement | undefined): string {
  return field?.type === BsonType.string ? field.value.toString("utf8", 4, field.value.byteLength - 1) : "";
}
