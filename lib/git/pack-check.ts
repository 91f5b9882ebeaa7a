import { createHash } from "node:crypto";
import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { truncated } from "./byte-reader.ts";
import type { ObjectFormat } from "./refs.ts";

export const PACK_HEADER_BYTES = 12;
export const DIGEST_BYTES = { sha1: 20, sha256: 32 } as const;

/**
 * The pack as it is, while its header is read and its trailer, a digest over all that comes before, computed anew.
 * https://git-scm.com/docs/gitformat-pack
 * @param onObjects hears the number of objects that the header promises, before the first byte is given
 * @throws SourceError `SOURCE_CORRUPT` at the end, so what is made from the bytes must wait for it
 */
export async function* checkedPack(source: Bytes, format: ObjectFormat, onObjects: (count: number) => void): Bytes {
  const trailer = trailerCheck(format);
  let start: Uint8Array | undefined = new Uint8Array(0);
  for await (const piece of source) {
    let chunk = piece;
    if (start !== undefined) {
      start = chunk = Buffer.concat([start, piece]);
      if (start.byteLength < PACK_HEADER_BYTES) continue;
      onObjects(objectCount(Buffer.from(start.subarray(0, PACK_HEADER_BYTES))));
      start = undefined;
    }
    trailer.update(chunk);
    yield chunk;
  }
  trailer.end();
}

/** Hashes all but the last bytes, whichever those will have been. */
function trailerCheck(format: ObjectFormat): { update(chunk: Uint8Array): void; end(): void } {
  const hash = createHash(format);
  const digestBytes = DIGEST_BYTES[format];
  let held: Uint8Array = new Uint8Array(0);
  let total = 0;
  return {
    update(chunk) {
      total += chunk.byteLength;
      const surplus = Math.max(0, held.byteLength + chunk.byteLength - digestBytes);
      const fromChunk = Math.max(0, surplus - held.byteLength);
      hash.update(held.subarray(0, surplus)).update(chunk.subarray(0, fromChunk));
      // A copy: who gave the chunk may use its memory again.
      held = Buffer.concat([held.subarray(surplus), chunk.subarray(fromChunk)]);
    },
    end() {
      if (total < PACK_HEADER_BYTES + digestBytes) throw truncated();
      if (!hash.digest().equals(held))
        throw new SourceError("SOURCE_CORRUPT", "the pack does not match its own checksum");
    },
  };
}

/** @throws SourceError `SOURCE_CORRUPT` for what is no pack of version 2 or 3 */
function objectCount(header: Buffer): number {
  const version = header.readUInt32BE(4);
  if (header.toString("latin1", 0, 4) !== "PACK" || (version !== 2 && version !== 3)) {
    throw new SourceError("SOURCE_CORRUPT", "what the server sends as a pack is none");
  }
  const count = header.readUInt32BE(8);
  if (count === 0) throw new SourceError("SOURCE_CORRUPT", "the server sends a pack without objects");
  return count;
}
