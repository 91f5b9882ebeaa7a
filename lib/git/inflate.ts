import { once } from "node:events";
import { createInflate, inflateSync } from "node:zlib";
import { SourceError } from "../errors.ts";
import { type ByteReader, truncated } from "./byte-reader.ts";

/** Objects are mostly small, and for those a stream each costs more than the work. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * Reads one deflated object of `size` bytes, and not a byte of what follows it.
 * @throws SourceError `SOURCE_CORRUPT` | TransientError `SOURCE_TRUNCATED`
 */
export async function inflateEntry(reader: ByteReader, size: number): Promise<void> {
  const piece = await reader.some();
  if (piece === undefined) throw truncated();
  const used = size <= AT_ONCE_BYTES ? inflateAtOnce(piece, size) : undefined;
  reader.unread(used === undefined ? piece : piece.subarray(used));
  if (used === undefined) await inflateStreaming(reader, size);
}

/** How many bytes of `piece` the object takes up; undefined when it does not end inside. */
function inflateAtOnce(piece: Uint8Array, size: number): number | undefined {
  try {
    // One byte more than there may be, so that what is too long shows. The types do not know what `info` answers.
    const inflated: unknown = inflateSync(piece, { info: true, maxOutputLength: size + 1 });
    const { buffer, engine } = inflated as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.byteLength !== size) throw wrongSize(size);
    return engine.bytesWritten;
  } catch (error) {
    switch (codeOf(error)) {
      case "Z_BUF_ERROR":
        return undefined;
      case "ERR_BUFFER_TOO_LARGE":
        throw wrongSize(size);
      default:
        throw error instanceof SourceError ? error : notDeflated(error);
    }
  }
}

/**
 * The stream's end shows only once a byte behind it was written, which then stays unread. A pack has bytes behind every
 * object, its trailer at the least.
 */
async function inflateStreaming(reader: ByteReader, size: number): Promise<void> {
  const inflate = createInflate();
  let produced = 0;
  let fed = 0;
  inflate.on("data", (chunk: Buffer) => {
    produced += chunk.byteLength;
    if (produced > size) inflate.destroy(wrongSize(size));
  });
  const ended = once(inflate, "end");
  ended.catch(() => {});
  try {
    for (;;) {
      const piece = await reader.some();
      if (piece === undefined) throw truncated();
      fed += piece.byteLength;
      // At the object's end it depends on the version of Node whether the write is answered too.
      await Promise.race([ended, new Promise<void>((resolve) => inflate.write(piece, () => resolve()))]);
      const unused = fed - inflate.bytesWritten;
      if (unused === 0) continue;
      await ended;
      reader.unread(piece.subarray(piece.byteLength - unused));
      break;
    }
  } catch (error) {
    throw codeOf(error).startsWith("Z_") ? notDeflated(error) : error;
  } finally {
    inflate.destroy();
  }
  if (produced !== size) throw wrongSize(size);
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

const wrongSize = (size: number) =>
  new SourceError("SOURCE_CORRUPT", `the pack is damaged: an object has not the ${size} bytes that it should have`);

const notDeflated = (cause: unknown) =>
  new SourceError("SOURCE_CORRUPT", "the pack is damaged: an object does not inflate", { cause });
