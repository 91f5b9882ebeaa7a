import {
  BLOCK_BYTES,
  isZeroBlock,
  parseHeader,
  parseSparseExtension,
  type SparseSegment,
  TarFormatError,
  type TarHeader,
} from "./tar-header.ts";
import { type PaxRecords, parsePax, paxNumber } from "./tar-pax.ts";
import { type PaxSparse, paxSparse, sparseMapReader } from "./tar-sparse.ts";

export type EntryKind = "file" | "directory" | "symlink" | "hardlink" | "device" | "fifo";

/** One member of an archive. Paths are bytes: they need not be UTF-8. */
export interface TarEntry {
  readonly kind: EntryKind;
  readonly path: Buffer;
  readonly linkPath: Buffer;
  readonly mode: number;
  /** Of the file as it was, holes included; 0 for what has no content. */
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, with the fraction as it is written: `1234567890.123456789`. */
  readonly mtime: string;
  /** Major and minor number of a device; zeros for what is none. */
  readonly device: readonly [number, number];
  /** All extended records that hold for it, extended attributes among them. */
  readonly records: PaxRecords;
}

/** What a piece of an archive is: of what comes before a member's content, of that with its padding, of the end mark. */
export type TarPart = "header" | "content" | "end";

/** Who listens. What they throw comes out of `write`, before anything later of the archive is looked at. */
export interface TarListener {
  entry(entry: TarEntry): void;
  /** Content in order. The piece is only valid during the call; `offset` jumps over holes. */
  content?(piece: Uint8Array, offset: number): void;
  /** After the last content of the last entry that was told. */
  entryEnd?(): void;
  /** Every byte in order: a member's headers before `entry` is told of it, the rest after. Valid during the call. */
  raw?(piece: Uint8Array, part: TarPart): void;
}

export interface TarScanner {
  /** @throws TarFormatError */
  write(chunk: Uint8Array): void;
  /** @throws TarFormatError unless the end-of-archive mark was seen: an archive that was cut short never passes. */
  end(): void;
  /** Whether the end-of-archive mark was seen, after which only padding may come. */
  readonly hasEnded: boolean;
}

/** Extended attributes travel in headers, and a header is held in memory. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const KINDS: Readonly<Record<string, EntryKind>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "device",
  "4": "device",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

/**
 * Follows an archive as it passes, in whatever pieces, and copies nothing but headers: ustar, pax (`x`, `g`) with size
 * and GNU sparse records, GNU long names (`L`, `K`) and old sparse files (`S`).
 */
export function createTarScanner(listener: TarListener): TarScanner {
  const block = Buffer.alloc(BLOCK_BYTES);
  let filled = 0;
  /** What the next block is. */
  let onBlock: (block: Buffer) => void = header;
  /** Bytes to pass on or over before the next block, and who gets them. */
  let passing = 0;
  let part: TarPart = "header";
  let onPass: ((piece: Uint8Array) => void) | undefined;
  let afterPass: () => void = () => {};
  let zeroBlocks = 0;
  let ended = false;

  let globals: PaxRecords = new Map();
  let next: { pax?: PaxRecords; sparse?: PaxSparse | undefined; path?: Buffer; linkPath?: Buffer } = {};

  function write(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (passing > 0) {
        const count = Math.min(passing, chunk.byteLength - offset);
        const piece = chunk.subarray(offset, offset + count);
        listener.raw?.(piece, part);
        onPass?.(piece);
        passing -= count;
        offset += count;
        if (passing === 0) afterPass();
        continue;
      }
      const count = Math.min(BLOCK_BYTES - filled, chunk.byteLength - offset);
      block.set(chunk.subarray(offset, offset + count), filled);
      filled += count;
      offset += count;
      if (filled < BLOCK_BYTES) return;
      filled = 0;
      onBlock(block);
    }
  }

  function end(): void {
    if (!ended || filled > 0) throw new TarFormatError("the archive ends too early");
  }

  function header(at: Buffer): void {
    part = isZeroBlock(at) ? "end" : "header";
    listener.raw?.(at, part);
    if (isZeroBlock(at)) {
      if (Object.keys(next).length > 0) throw new TarFormatError("a header without its member");
      zeroBlocks += 1;
      if (zeroBlocks < 2) return;
      ended = true;
      onBlock = padding;
      return;
    }
    if (zeroBlocks > 0) throw new TarFormatError("a single block of zeros inside the archive");
    const parsed = parseHeader(at);
    switch (parsed.type) {
      case "x":
      case "g":
      case "L":
      case "K":
        meta(parsed);
        break;
      default:
        member(parsed);
    }
  }

  /** Records are filled up to whole ones with zeros. */
  function padding(at: Buffer): void {
    listener.raw?.(at, "end");
    if (!isZeroBlock(at)) throw new TarFormatError("data after the end of the archive");
  }

  function meta(parsed: TarHeader): void {
    if (parsed.size > MAX_HEADER_BYTES) throw new TarFormatError(`an extended header of ${parsed.size} bytes`);
    const pieces: Buffer[] = [];
    pass(
      parsed.size,
      (piece) => pieces.push(Buffer.from(piece)),
      () => takeMeta(parsed.type, Buffer.concat(pieces)),
    );
  }

  function takeMeta(type: string, content: Buffer): void {
    if (type === "L") next.path = untilNul(content);
    else if (type === "K") next.linkPath = untilNul(content);
    else if (type === "g") globals = new Map([...globals, ...parsePax(content)]);
    else {
      const repeated: [string, string][] = [];
      next.pax = parsePax(content, (keyword, value) => repeated.push([keyword, value]));
      next.sparse = paxSparse(next.pax, repeated);
    }
    skipPadding(content.length, header);
  }

  function member(parsed: TarHeader): void {
    const { pax = new Map<string, Buffer>(), sparse, path, linkPath } = next;
    next = {};
    const records = new Map([...globals, ...pax]);
    const kind = KINDS[parsed.type];
    if (kind === undefined) throw new TarFormatError(`a member of unknown type ${JSON.stringify(parsed.type)}`);
    const stored = paxNumber(records, "size") ?? parsed.size;
    if (stored < 0) throw new TarFormatError("a negative size");
    part = "content";
    // Programs disagree on whether data follows then, and what one skips another would take for a member.
    if (kind !== "file" && stored > 0) throw new TarFormatError(`a ${kind} with ${stored} bytes of content`);
    listener.entry({
      kind,
      path: sparse?.name ?? records.get("path") ?? path ?? parsed.path,
      linkPath: records.get("linkpath") ?? linkPath ?? parsed.linkPath,
      mode: parsed.mode,
      size: kind === "file" ? (sparse?.realSize ?? parsed.oldSparse?.realSize ?? stored) : 0,
      uid: paxNumber(records, "uid") ?? parsed.uid,
      gid: paxNumber(records, "gid") ?? parsed.gid,
      mtime: records.get("mtime")?.toString("latin1") ?? String(parsed.mtime),
      device: parsed.device,
      records,
    });
    if (parsed.oldSparse?.extended === true) extension(stored, parsed.oldSparse.map);
    else if (sparse !== undefined && sparse.map === undefined) inlineMap(stored);
    else data(stored, sparse?.map ?? parsed.oldSparse?.map);
  }

  function extension(stored: number, map: readonly SparseSegment[]): void {
    onBlock = (at) => {
      listener.raw?.(at, "content");
      const more = parseSparseExtension(at);
      if (map.length > MAX_HEADER_BYTES / 24) throw new TarFormatError("a sparse map without end");
      if (more.extended) extension(stored, [...map, ...more.map]);
      else data(stored, [...map, ...more.map]);
    };
  }

  /** Version 1.0: the map is the beginning of the data, and counts in its size. */
  function inlineMap(stored: number): void {
    const read = sparseMapReader();
    let left = stored;
    onBlock = (at) => {
      listener.raw?.(at, "content");
      left -= BLOCK_BYTES;
      if (left < 0) throw new TarFormatError("a sparse map that is longer than its file");
      const map = read(at);
      if (map !== undefined) data(left, map);
    };
  }

  function data(stored: number, map: readonly SparseSegment[] | undefined): void {
    const place = map === undefined ? straight(listener) : placed(listener, map);
    pass(stored, listener.content === undefined ? undefined : place, () => {
      listener.entryEnd?.();
      skipPadding(stored, header);
    });
  }

  function pass(count: number, to: ((piece: Uint8Array) => void) | undefined, after: () => void): void {
    if (count === 0) {
      after();
      return;
    }
    passing = count;
    onPass = to;
    afterPass = after;
  }

  function skipPadding(bytes: number, then: (block: Buffer) => void): void {
    onBlock = then;
    pass((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES, undefined, () => {});
  }

  return {
    write,
    end,
    get hasEnded() {
      return ended;
    },
  };
}

const untilNul = (content: Buffer): Buffer => {
  const nul = content.indexOf(0);
  return nul === -1 ? content : content.subarray(0, nul);
};

function straight(listener: TarListener): (piece: Uint8Array) => void {
  let offset = 0;
  return (piece) => {
    listener.content?.(piece, offset);
    offset += piece.byteLength;
  };
}

/** Data of a sparse file goes where its map says. */
function placed(listener: TarListener, map: readonly SparseSegment[]): (piece: Uint8Array) => void {
  let index = 0;
  let within = 0;
  return (piece) => {
    let rest = piece;
    while (rest.byteLength > 0) {
      const segment = map[index];
      if (segment === undefined) throw new TarFormatError("more data than a sparse map has room for");
      const part = rest.subarray(0, segment.bytes - within);
      if (part.byteLength > 0) listener.content?.(part, segment.offset + within);
      within += part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (within < segment.bytes) continue;
      index += 1;
      within = 0;
    }
  };
}
