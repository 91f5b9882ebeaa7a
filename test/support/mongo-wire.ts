import { BSON, type Document } from "mongodb";

/** MongoDB's wire protocol, the server's side of it: what a driver sends, and what it takes for an answer. */

export interface Request {
  readonly id: number;
  readonly legacy: boolean;
  readonly body: Document;
  /** The body's bytes, in which the order of keys is what it was. */
  readonly raw: Buffer;
  /** Documents that came beside the body, by the field that they belong to. */
  readonly sequences: ReadonlyMap<string, readonly Buffer[]>;
}

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;

/** The whole messages at the beginning of `bytes`, and what is left. */
export function requestsIn(bytes: Buffer): { readonly requests: readonly Request[]; readonly rest: Buffer } {
  const requests: Request[] = [];
  let at = 0;
  while (bytes.byteLength - at >= HEADER_BYTES) {
    const length = bytes.readInt32LE(at);
    if (bytes.byteLength - at < length) break;
    requests.push(requestOf(bytes.subarray(at, at + length)));
    at += length;
  }
  return { requests, rest: bytes.subarray(at) };
}

/** The answer to a request, whose body is BSON already. */
export function replyBytes({ id, legacy }: Request, body: Buffer): Buffer {
  const content = legacy ? [int32(8), Buffer.alloc(8), int32(0), int32(1), body] : [int32(0), Buffer.alloc(1), body];
  const length = HEADER_BYTES + content.reduce((total, { byteLength }) => total + byteLength, 0);
  return Buffer.concat([int32(length), int32(1), int32(id), int32(legacy ? OP_REPLY : OP_MSG), ...content]);
}

function requestOf(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const code = message.readInt32LE(12);
  if (code === OP_QUERY) {
    const from = message.indexOf(0, 20) + 9;
    const raw = message.subarray(from);
    return { id, legacy: true, body: BSON.deserialize(raw), raw, sequences: new Map() };
  }
  if (code !== OP_MSG) throw new Error(`a message with the code ${code}`);
  let raw = Buffer.alloc(0);
  const sequences = new Map<string, readonly Buffer[]>();
  for (let at = 20; at < message.byteLength; ) {
    const length = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + length);
    if (message[at] === 0) raw = Buffer.from(section);
    else {
      const end = section.indexOf(0, 4);
      sequences.set(section.toString("utf8", 4, end), documentsIn(section.subarray(end + 1)));
    }
    at += 1 + length;
  }
  return { id, legacy: false, body: BSON.deserialize(raw), raw, sequences };
}

function documentsIn(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const length = bytes.readInt32LE(at);
    found.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return found;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
