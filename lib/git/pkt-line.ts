import { SourceError } from "../errors.ts";
import type { ByteReader } from "./byte-reader.ts";
import { truncated } from "./byte-reader.ts";
import { remoteFault } from "./fault.ts";

/** https://git-scm.com/docs/gitprotocol-common#_pkt_line_format and, for the special ones, gitprotocol-v2. */
export type Packet =
  | { readonly type: "data"; readonly data: Uint8Array }
  | { readonly type: "flush" | "delimiter" | "response-end" };

export interface PacketReader {
  /** Undefined when the stream has ended between two packets. @throws SourceError `SOURCE_PROTOCOL` | TransientError `SOURCE_TRUNCATED` */
  packet(): Promise<Packet | undefined>;
  /** The next packet, which must be there. An `ERR` packet is thrown as what it says. */
  expect(): Promise<Packet>;
  /** What follows the packets read so far, for answers that are not in packets. */
  readonly bytes: ByteReader;
}

export const FLUSH: Uint8Array = Buffer.from("0000");
export const DELIMITER: Uint8Array = Buffer.from("0001");

const SPECIAL = ["flush", "delimiter", "response-end"] as const;
const HEADER_BYTES = 4;
/** 65520 by the specification, header included; longer ones are told from garbage by nothing else. */
const MAX_LENGTH = 65_520;
const LENGTH = /^[0-9a-f]{4}$/i;

/** One packet around `text`, whose characters stand for one byte each (see refs.ts). */
export function packetOf(text: string): Uint8Array {
  const data = Buffer.from(text, "latin1");
  const length = data.byteLength + HEADER_BYTES;
  if (length > MAX_LENGTH) throw new RangeError("a packet line holds at most 65516 bytes");
  return Buffer.concat([Buffer.from(length.toString(16).padStart(4, "0")), data]);
}

export function packetReader(bytes: ByteReader): PacketReader {
  async function packet(): Promise<Packet | undefined> {
    const length = await packetLength(bytes);
    if (length === undefined) return undefined;
    if (typeof length === "string") return { type: length };
    const data = length === 0 ? new Uint8Array(0) : await bytes.read(length);
    if (data === undefined) throw truncated();
    return { type: "data", data };
  }

  async function expect(): Promise<Packet> {
    const next = await packet();
    if (next === undefined) throw truncated();
    if (next.type === "data") throwErr(next.data);
    return next;
  }

  return { packet, expect, bytes };
}

/** Reads only what stands before a packet's data: how many bytes it has, or which special packet it is. */
export async function packetLength(bytes: ByteReader): Promise<number | (typeof SPECIAL)[number] | undefined> {
  const header = await bytes.read(HEADER_BYTES);
  if (header === undefined) return undefined;
  const text = Buffer.from(header).toString("latin1");
  const length = LENGTH.test(text) ? Number.parseInt(text, 16) : -1;
  const special = SPECIAL[length];
  if (special !== undefined) return special;
  if (length < HEADER_BYTES || length > MAX_LENGTH) {
    throw new SourceError(
      "SOURCE_PROTOCOL",
      `the answer is not in git's packet lines (${JSON.stringify(text)} is no length)`,
    );
  }
  return length - HEADER_BYTES;
}

/** The packet's bytes as characters, without the newline that it may end in. */
export function packetText(data: Uint8Array): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** @throws SourceError | TransientError for the data of an `ERR` packet, as what it says */
export function throwErr(data: Uint8Array): void {
  const isErr = data[0] === 0x45 && data[1] === 0x52 && data[2] === 0x52 && data[3] === 0x20;
  if (isErr) throw remoteFault(packetText(data).slice(4));
}
