/** One element of a BSON document. `value` is the part of the document's bytes that holds it. */
export interface BsonElement {
  readonly type: number;
  /** Bytes that are no UTF-8 become U+FFFD. */
  readonly name: string;
  readonly value: Buffer;
}

/** Bytes that are no BSON. The message says where. */
export class BsonFault extends Error {}
Object.defineProperty(BsonFault.prototype, "name", { value: "BsonFault", enumerable: false });

/** BSON's types by the names of its specification. */
export const BsonType = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  dbPointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  codeWithScope: 0x0f,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal128: 0x13,
  maxKey: 0x7f,
  minKey: 0xff,
} as const;

const SMALLEST_DOCUMENT = 5;
/** MongoDB's own limit is 100; what a server stores cannot be deeper than twice that. */
const MAX_DEPTH = 200;
const FIXED_SIZES: ReadonlyMap<number, number> = new Map([
  [BsonType.double, 8],
  [BsonType.undefined, 0],
  [BsonType.objectId, 12],
  [BsonType.boolean, 1],
  [BsonType.date, 8],
  [BsonType.null, 0],
  [BsonType.int32, 4],
  [BsonType.timestamp, 8],
  [BsonType.int64, 8],
  [BsonType.decimal128, 16],
  [BsonType.minKey, 0],
  [BsonType.maxKey, 0],
]);

/** The elements of a document, in its order; what is nested stays bytes. @throws BsonFault */
export function* bsonElements(document: Uint8Array): Generator<BsonElement> {
  const bytes = asBuffer(document);
  const end = checkedEnd(bytes, 0, bytes.byteLength);
  for (let at = 4; at < end; ) {
    const type = byteAt(bytes, at);
    const nameEnd = textEnd(bytes, at + 1, end);
    const from = nameEnd + 1;
    const to = from + sizeOf(bytes, type, from, end);
    if (to > end) throw outside(at);
    yield { type, name: bytes.toString("utf8", at + 1, nameEnd), value: bytes.subarray(from, to) };
    at = to;
  }
}

/** That the lengths of a document and of all in it fit into each other, to the last byte. @throws BsonFault */
export function checkBson(document: Uint8Array): void {
  const bytes = asBuffer(document);
  checkAt(bytes, 0, bytes.byteLength, 0);
}

function checkAt(bytes: Buffer, from: number, to: number, depth: number): void {
  if (depth > MAX_DEPTH) throw new BsonFault(`a document ${MAX_DEPTH} levels deep at byte ${from}`);
  const end = checkedEnd(bytes, from, to);
  for (let at = from + 4; at < end; ) {
    const type = byteAt(bytes, at);
    const value = textEnd(bytes, at + 1, end) + 1;
    const next = value + sizeOf(bytes, type, value, end);
    if (next > end) throw outside(at);
    if (type === BsonType.document || type === BsonType.array) checkAt(bytes, value, next, depth + 1);
    else if (type === BsonType.codeWithScope) checkCodeWithScope(bytes, value, next, depth);
    else if ((type === BsonType.string || type === BsonType.code || type === BsonType.symbol) && bytes[next - 1] !== 0)
      throw new BsonFault(`a string that does not end with a zero byte at byte ${at}`);
    else if (type === BsonType.boolean && byteAt(bytes, value) > 1)
      throw new BsonFault(`a boolean that is neither at byte ${at}`);
    at = next;
  }
}

function checkCodeWithScope(bytes: Buffer, from: number, to: number, depth: number): void {
  if (to - from < 4 + 5 + SMALLEST_DOCUMENT) throw outside(from);
  const scope = from + 8 + bytes.readInt32LE(from + 4);
  if (scope < from + 9 || scope > to - SMALLEST_DOCUMENT || bytes[scope - 1] !== 0) throw outside(from);
  checkAt(bytes, scope, to, depth + 1);
}

/** Where the zero byte at a document's end is, when it fills `from` to `to`. */
function checkedEnd(bytes: Buffer, from: number, to: number): number {
  if (to - from < SMALLEST_DOCUMENT || bytes.readInt32LE(from) !== to - from || bytes[to - 1] !== 0)
    throw new BsonFault(`a document whose length is wrong at byte ${from}`);
  return to - 1;
}

function textEnd(bytes: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(0, from);
  if (at === -1 || at >= end) throw outside(from);
  return at;
}

function sizeOf(bytes: Buffer, type: number, from: number, end: number): number {
  const fixed = FIXED_SIZES.get(type);
  if (fixed !== undefined) return fixed;
  if (type === BsonType.regex) return textEnd(bytes, textEnd(bytes, from, end) + 1, end) + 1 - from;
  if (from + 4 > end) throw outside(from);
  const length = bytes.readInt32LE(from);
  switch (type) {
    case BsonType.string:
    case BsonType.code:
    case BsonType.symbol:
      return 4 + atLeast(length, 1, from);
    case BsonType.dbPointer:
      return 4 + atLeast(length, 1, from) + 12;
    case BsonType.binary:
      return 5 + atLeast(length, 0, from);
    case BsonType.document:
    case BsonType.array:
    case BsonType.codeWithScope:
      return atLeast(length, SMALLEST_DOCUMENT, from);
    default:
      throw new BsonFault(`an element of the unknown type ${type} at byte ${from}`);
  }
}

function atLeast(length: number, least: number, at: number): number {
  if (length < least) throw new BsonFault(`the length ${length} at byte ${at}`);
  return length;
}

const byteAt = (bytes: Buffer, at: number): number => bytes.readUInt8(at);
const outside = (at: number) => new BsonFault(`an element that does not fit into its document at byte ${at}`);

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
