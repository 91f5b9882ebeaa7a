import { crc32 } from "node:zlib";
import type { Bytes } from "../../bytes.ts";

/** A piece of a body, of which all but the last have the size that `partBytes` says. */
export interface Part {
  /** From 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly crc32: number;
  /** Of the whole body, up to the end of this part. */
  readonly crc32SoFar: number;
  /** Gives the memory back; `bytes` must not be looked at afterwards. */
  release(): void;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const FIRST_PART_BYTES = 8 * MiB;
const FIRST_PARTS = 1_500;
const PARTS_A_STEP = 650;
/** Node.js gives a part to TLS as one buffer, and one of more than this does not go through in every case. */
const MAX_PART_BYTES = 1024 * MiB;
/** S3's bound on the parts of one upload. */
export const MAX_PARTS = 10_000;
/** Records and manifests are small, and there are many at a time. */
const FIRST_BUFFER_BYTES = 64 * KiB;

/**
 * The size of the part of that number: 8 MiB for the first 1,500, then doubling with each 650 up to 1 GiB. Nobody knows
 * how long a stream will be: 11 GiB fit into parts of 8 MiB, and all 10,000 hold 5.1 TiB.
 */
export function partBytes(number: number): number {
  const step = Math.max(0, Math.ceil((number - FIRST_PARTS) / PARTS_A_STEP));
  return Math.min(MAX_PART_BYTES, FIRST_PART_BYTES * 2 ** step);
}

/**
 * Cuts a body into parts, copied into buffers of its own, which are used again once they are released: so the memory is
 * as many parts as the caller holds, and one that is being filled. Nothing is given for an empty body.
 */
export async function* partsOf(body: Bytes, sizeOf: (number: number) => number = partBytes): AsyncIterable<Part> {
  const free: Buffer[] = [];
  let number = 1;
  let buffer: Buffer | undefined = Buffer.allocUnsafeSlow(Math.min(FIRST_BUFFER_BYTES, sizeOf(1)));
  let filled = 0;
  let crc = 0;
  let crcSoFar = 0;

  const full = (bytes: Buffer): Part => {
    const whole = bytes.subarray(0, filled);
    const part = { number, bytes: whole, crc32: crc, crc32SoFar: crcSoFar, release: () => free.push(bytes) };
    number += 1;
    buffer = undefined;
    filled = 0;
    crc = 0;
    return part;
  };

  for await (const chunk of body) {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const size = sizeOf(number);
      buffer ??= take(free, size);
      if (filled === buffer.byteLength) buffer = grown(buffer, size);
      const count = Math.min(buffer.byteLength - filled, chunk.byteLength - offset);
      const piece = chunk.subarray(offset, offset + count);
      buffer.set(piece, filled);
      crc = crc32(piece, crc);
      crcSoFar = crc32(piece, crcSoFar);
      filled += count;
      offset += count;
      if (filled === size) yield full(buffer);
    }
  }
  if (buffer !== undefined && filled > 0) yield full(buffer);
}

/** Of the size that is wanted now: those of an earlier step are let go of. */
function take(free: Buffer[], size: number): Buffer {
  for (let buffer = free.pop(); buffer !== undefined; buffer = free.pop()) {
    if (buffer.byteLength === size) return buffer;
  }
  return Buffer.allocUnsafeSlow(size);
}

function grown(buffer: Buffer, limit: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(limit, buffer.byteLength * 4));
  larger.set(buffer);
  return larger;
}

/** As the header of a checksum has it. */
export function crcText(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString("base64");
}
