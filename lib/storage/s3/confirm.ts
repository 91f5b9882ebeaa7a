import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { crcText } from "./parts.ts";

/** What was sent in one request. */
export interface Sent {
  readonly bytes: Uint8Array;
  readonly crc32: number;
}

/** What a put says of the object that it stored. */
export interface Stored {
  readonly etag: string | undefined;
  /** The store answered with the checksum of what it holds, and it was the one of what was sent. */
  readonly confirmed: boolean;
}

/** What the store answered of what it holds. */
export interface Held {
  readonly etag: string | undefined;
  readonly crc32: string | undefined;
}

/**
 * Whether the store has confirmed that it holds what was sent: by the CRC-32 that it computed, or, where it answers
 * none, by an ETag that is the MD5 of the bytes, as it is without KMS.
 */
export function isConfirmed({ bytes, crc32: crc }: Sent, held: Held): boolean {
  if (held.crc32 !== undefined) return held.crc32 === crcText(crc);
  return held.etag === `"${createHash("md5").update(bytes).digest("hex")}"`;
}

/** Whether it has confirmed that an object consists of these parts, each of which it confirmed before. */
export function isAssembled(parts: readonly { readonly crc32: number; readonly ETag: string }[], held: Held): boolean {
  return held.crc32 === crcOfParts(parts) || held.etag === etagOfParts(parts);
}

/** S3's "composite" checksum: that of the parts' checksums, and their number. */
function crcOfParts(parts: readonly { readonly crc32: number }[]): string {
  const bytes = Buffer.alloc(4 * parts.length);
  for (const [index, part] of parts.entries()) bytes.writeUInt32BE(part.crc32, 4 * index);
  return `${crcText(crc32(bytes))}-${parts.length}`;
}

/** The same with MD5, which is what an object of parts has as its ETag. */
function etagOfParts(parts: readonly { readonly ETag: string }[]): string {
  const hash = createHash("md5");
  for (const { ETag } of parts) hash.update(Buffer.from(ETag.replaceAll('"', ""), "hex"));
  return `"${hash.digest("hex")}-${parts.length}"`;
}
