/** A header block of a tar archive: POSIX.1-2001 "pax", section "ustar Interchange Format", and GNU tar manual, D.2. */
export interface TarHeader {
  /** Bytes as they stand, the ustar prefix joined on. */
  readonly path: Buffer;
  readonly linkPath: Buffer;
  /** The single character of the type flag; `0` for the NUL of old archives. */
  readonly type: string;
  /** Bytes that follow in the archive, without padding. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Major and minor number of a device. */
  readonly device: readonly [number, number];
  /** Present in the old GNU sparse format (type `S`) only. */
  readonly oldSparse?: {
    readonly realSize: number;
    readonly extended: boolean;
    readonly map: readonly SparseSegment[];
  };
}

/** A stretch of a sparse file that has data; all else is a hole. */
export interface SparseSegment {
  readonly offset: number;
  readonly bytes: number;
}

/** The bytes are no tar archive, or end before it does. */
export class TarFormatError extends Error {}
Object.defineProperty(TarFormatError.prototype, "name", { value: "TarFormatError", enumerable: false });

export const BLOCK_BYTES = 512;
const CHECKSUM = { offset: 148, length: 8 };

/** @throws TarFormatError when the checksum or a number is wrong */
export function parseHeader(block: Buffer): TarHeader {
  checkSum(block);
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156] ?? 0);
  const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
  const name = text(block, 0, 100);
  const prefix = isPosix ? text(block, 345, 155) : Buffer.alloc(0);
  return {
    path: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    linkPath: text(block, 157, 100),
    type,
    size: number(block, 124, 12),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    mtime: number(block, 136, 12),
    device: type === "3" || type === "4" ? [number(block, 329, 8), number(block, 337, 8)] : [0, 0],
    ...(type === "S" && {
      oldSparse: { realSize: number(block, 483, 12), extended: block[482] !== 0, map: segments(block, 386, 4) },
    }),
  };
}

/** The blocks that follow an old GNU sparse header when its map is long: 21 segments and a flag for another one. */
export function parseSparseExtension(block: Buffer): {
  readonly map: readonly SparseSegment[];
  readonly extended: boolean;
} {
  return { map: segments(block, 0, 21), extended: block[504] !== 0 };
}

export function isZeroBlock(block: Buffer): boolean {
  return block.equals(ZEROS);
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** The sum of all bytes, the field itself taken as spaces. Some old programs summed signed bytes. */
function checkSum(block: Buffer): void {
  const end = CHECKSUM.offset + CHECKSUM.length;
  const stated = number(block, CHECKSUM.offset, CHECKSUM.length);
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < BLOCK_BYTES; index += 1) {
    const byte = index >= CHECKSUM.offset && index < end ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  if (stated !== unsigned && stated !== signed) throw new TarFormatError("a header's checksum is wrong");
}

function segments(block: Buffer, offset: number, count: number): SparseSegment[] {
  const found: SparseSegment[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * 24;
    // An empty slot ends the list.
    if (block[at + 12] === 0) break;
    found.push({ offset: number(block, at, 12), bytes: number(block, at + 12, 12) });
  }
  return found;
}

function text(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  // A copy: the block is reused for the next header.
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Octal digits, or GNU's base-256 when the first byte is 0x80 (positive) or 0xff (negative). */
function number(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first === 0x80) {
    let value = 0;
    for (let index = 1; index < length; index += 1) value = value * 256 + (block[offset + index] ?? 0);
    if (!Number.isSafeInteger(value)) throw new TarFormatError("a header's number is too large");
    return value;
  }
  // Times before 1970. Two's complement in as many bytes: only small ones stand there.
  if (first === 0xff) return Number(BigInt.asIntN(64, block.readBigUInt64BE(offset + length - 8)));
  const digits = block
    .toString("latin1", offset, offset + length)
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits)) throw new TarFormatError("a header's number is not octal");
  return Number.parseInt(digits, 8);
}
