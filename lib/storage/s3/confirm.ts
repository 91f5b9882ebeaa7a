import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
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
export function isAssembled(parts: readonly SentPart[], held: Held): boolean {
  const whole = parts.at(-1)?.crc32SoFar ?? 0;
  return held.crc32 === crcText(whole) || held.crc32 === crcOfParts(parts) || held.etag === etagOfParts(parts);
}

interface SentPart {
  readonly crc32: number;
  readonly crc32SoFar: number;
  readonly ETag: string;
}

/** What HEAD tells of an object's bytes when it is asked for checksums. */
type Told = Pick<HeadObjectCommandOutput, "ETag" | "ChecksumCRC32" | "ChecksumCRC64NVME" | "ServerSideEncryption">;

/**
 * What a store tells of a copy, by what it says of both objects. Checksums of all their bytes decide; a composite one
 * differs already where the parts do, and is passed over. Without them equal ETags are those of the same bytes, but for
 * KMS, and so is that of an object of one part with the source's. ETags that differ say nothing: not every store's are MD5s.
 */
export function compareCopy(source: Told, made: Told): "same" | "other" | "unknown" {
  for (const checksum of ["ChecksumCRC32", "ChecksumCRC64NVME"] as const) {
    const [theirs, ours] = [source[checksum], made[checksum]];
    if (isOfAllBytes(theirs) && isOfAllBytes(ours)) return theirs === ours ? "same" : "other";
  }
  const isMd5 = [source, made].every(({ ServerSideEncryption: sse }) => sse === undefined || sse === "AES256");
  const { ETag } = source;
  if (!isMd5 || ETag === undefined) return "unknown";
  return made.ETag === ETag || made.ETag === etagOfParts([{ ETag }]) ? "same" : "unknown";
}

const isOfAllBytes = (checksum: string | undefined): boolean => checksum !== undefined && !checksum.includes("-");

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
