import type { Bytes } from "../bytes.ts";
import { END_MARK } from "./tar-rewrite.ts";
import { createTarScanner, type TarEntry } from "./tar-scan.ts";

export interface TarFilter {
  /** The headers to write for a member, its own or others; undefined leaves the member out. */
  header(entry: TarEntry, raw: Buffer): Buffer | undefined;
  /** Members to write after the last one, once all of the source was read. */
  more(): Bytes;
}

/** An archive with members left out, changed and added. @throws TarFormatError unless the source is whole */
export async function* filterTar(source: Bytes, filter: TarFilter): Bytes {
  let headers: Buffer[] = [];
  let kept = false;
  let pieces: Uint8Array[] = [];
  const scanner = createTarScanner({
    raw(piece, part) {
      // The scanner's own block is used again for the next one; of the source's chunk nothing need be copied.
      if (part === "header") headers.push(Buffer.from(piece));
      else if (part === "content" && kept) pieces.push(piece.buffer === chunkBuffer ? piece : Buffer.from(piece));
    },
    entry(entry) {
      const header = filter.header(entry, Buffer.concat(headers));
      headers = [];
      kept = header !== undefined;
      if (header !== undefined) pieces.push(header);
    },
  });
  let chunkBuffer: ArrayBufferLike | undefined;
  for await (const chunk of source) {
    chunkBuffer = chunk.buffer;
    scanner.write(chunk);
    yield* pieces;
    pieces = [];
  }
  scanner.end();
  yield* filter.more();
  yield END_MARK;
}
