import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Bytes, measure } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { scratchFault, scratchFolder } from "../../scratch.ts";

/** A download that lies here for a moment, so that its digest is known before it is stored. */
export interface ScratchFile {
  readonly sha256: string;
  open(): Bytes;
  remove(): Promise<void>;
}

/** What one download may be, and whose it is. */
export interface ScratchOptions {
  /** Who names what is downloaded is not to fill the folder. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** @throws what `download` throws, SourceError `SCRATCH_FULL`, and `SOURCE_PROTOCOL` for more than `maxBytes` */
export async function scratchFile(
  purpose: string,
  download: () => Bytes,
  { maxBytes, signal }: ScratchOptions,
): Promise<ScratchFile> {
  const checkLength = (bytes: number): void => {
    if (bytes > maxBytes) throw new SourceError("SOURCE_PROTOCOL", `the ${purpose} has more than ${maxBytes} bytes`);
  };
  const scratch = await scratchFolder(purpose);
  const path = join(scratch.path, "file");
  try {
    const measured = measure(download(), checkLength);
    await pipeline(measured.bytes, createWriteStream(path, { mode: 0o600 }), { signal });
    return { sha256: measured.result().sha256, open: () => createReadStream(path), remove: () => scratch.remove() };
  } catch (error) {
    await scratch.remove();
    throw scratchFault(error);
  }
}
