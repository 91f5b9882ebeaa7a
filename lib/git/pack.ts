import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { type ByteReader, byteReader, truncated } from "./byte-reader.ts";
import { inflateEntry } from "./inflate.ts";
import { checkedPack, DIGEST_BYTES, PACK_HEADER_BYTES } from "./pack-check.ts";
import type { ObjectFormat } from "./refs.ts";

/** https://git-scm.com/docs/gitformat-pack */
const OFS_DELTA = 6;
const REF_DELTA = 7;
const TYPES = new Set([1, 2, 3, 4, OFS_DELTA, REF_DELTA]);

/**
 * Walks a pack from its first byte to its last, inflates every entry, and counts them, in bounded memory.
 * @throws SourceError `SOURCE_CORRUPT` | TransientError `SOURCE_TRUNCATED`, and what the source throws
 */
export async function countObjects(pack: ByteReader, format: ObjectFormat, signal: AbortSignal): Promise<number> {
  let promised = 0;
  const reader = byteReader(
    checkedPack(remaining(pack), format, (count) => {
      promised = count;
    }),
  );
  try {
    await must(reader, PACK_HEADER_BYTES);
    for (let index = 0; index < promised; index += 1) {
      signal.throwIfAborted();
      await skipEntry(reader, format);
    }
    await must(reader, DIGEST_BYTES[format]);
    if ((await reader.some()) !== undefined) throw corrupt(`more follows after its ${promised} objects`);
    return promised;
  } finally {
    await reader.close();
  }
}

async function skipEntry(reader: ByteReader, format: ObjectFormat): Promise<void> {
  const { type, size } = await entryHeader(reader);
  if (!TYPES.has(type)) throw corrupt(`an object has the type ${type}`);
  if (type === OFS_DELTA) await skipOffset(reader);
  if (type === REF_DELTA) await must(reader, DIGEST_BYTES[format]);
  await inflateEntry(reader, size);
}

/** Three bits of type, and the size: four bits, then seven a byte. Numbers hold sizes up to 2^53. */
async function entryHeader(reader: ByteReader): Promise<{ type: number; size: number }> {
  let byte = await oneByte(reader);
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; byte & 0x80; factor *= 128) {
    byte = await oneByte(reader);
    size += (byte & 0x7f) * factor;
    if (!Number.isSafeInteger(size)) throw corrupt("an object has a size without end");
  }
  return { type, size };
}

async function skipOffset(reader: ByteReader): Promise<void> {
  for (let length = 1; (await oneByte(reader)) & 0x80; length += 1) {
    if (length > 9) throw corrupt("an offset has no end");
  }
}

async function oneByte(reader: ByteReader): Promise<number> {
  return (await must(reader, 1))[0] ?? 0;
}

async function must(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.read(count);
  if (bytes === undefined) throw truncated();
  return bytes;
}

async function* remaining(reader: ByteReader): Bytes {
  for (let piece = await reader.some(); piece !== undefined; piece = await reader.some()) yield piece;
}

const corrupt = (what: string) => new SourceError("SOURCE_CORRUPT", `the pack is damaged: ${what}`);
