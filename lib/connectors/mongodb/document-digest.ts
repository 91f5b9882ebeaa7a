import { hash } from "node:crypto";
import { BsonType, bsonElements } from "./bson-read.ts";

/** A digest of many documents that does not depend on their order. */
export interface DocumentDigest {
  add(document: Buffer): void;
  readonly documents: number;
  /** Equal when the documents are, each as often. */
  text(): string;
}

const LANES = 8;

/** The sum of the SHA-256 of each, in eight lanes of 32 bits. */
export function documentDigest(): DocumentDigest {
  const sums = new Uint32Array(LANES);
  let documents = 0;
  return {
    add(document) {
      const digest = hash("sha256", withoutTimestamps(document), "buffer");
      for (let lane = 0; lane < LANES; lane += 1) sums[lane] = (sums[lane] ?? 0) + digest.readUInt32LE(lane * 4);
      documents += 1;
    },
    get documents() {
      return documents;
    },
    text: () => Buffer.from(sums.buffer).toString("hex"),
  };
}

/** A server puts its clock in place of a timestamp of zero that stands at a document's top when it is inserted. */
function withoutTimestamps(document: Buffer): Buffer {
  if (!document.includes(BsonType.timestamp)) return document;
  let masked: Buffer | undefined;
  for (const { type, value } of bsonElements(document)) {
    if (type !== BsonType.timestamp) continue;
    masked ??= Buffer.from(document);
    masked.fill(0, value.byteOffset - document.byteOffset, value.byteOffset - document.byteOffset + value.byteLength);
  }
  return masked ?? document;
}
