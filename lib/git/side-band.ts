import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { type ByteReader, truncated } from "./byte-reader.ts";
import { remoteFault } from "./fault.ts";
import { type PacketReader, packetLength, packetText, throwErr } from "./pkt-line.ts";

/**
 * The first band of a multiplexed answer, up to its flush packet. The second one, progress, is passed over. Bytes go by
 * as they came, not packet by packet: packs are long, and putting packets together would copy all of them.
 * @throws SourceError with the text of the third band; TransientError `SOURCE_TRUNCATED` without a flush packet
 */
export async function* firstBand({ bytes }: PacketReader): Bytes {
  for (;;) {
    const length = await packetLength(bytes);
    if (length === "flush") return;
    if (length === undefined) throw truncated();
    if (typeof length === "string" || length === 0) throw noBand();
    const [band] = await must(bytes, 1);
    if (band === 1) yield* next(bytes, length - 1);
    else other(band, await must(bytes, length - 1));
  }
}

/** Servers send empty pieces to keep a connection open while they count objects. */
async function* next(bytes: ByteReader, count: number): Bytes {
  for (let left = count; left > 0; ) {
    const piece = await bytes.some(left);
    if (piece === undefined) throw truncated();
    left -= piece.byteLength;
    yield piece;
  }
}

function other(band: number | undefined, data: Uint8Array): void {
  if (band === 2) return;
  if (band === 3) throw remoteFault(packetText(data));
  throwErr(Buffer.concat([Buffer.from([band ?? 0]), data]));
  throw noBand();
}

async function must(bytes: ByteReader, count: number): Promise<Uint8Array> {
  const data = count === 0 ? new Uint8Array(0) : await bytes.read(count);
  if (data === undefined) throw truncated();
  return data;
}

const noBand = () => new SourceError("SOURCE_PROTOCOL", "the pack does not come on a side-band");
