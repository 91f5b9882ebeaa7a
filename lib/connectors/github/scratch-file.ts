import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Bytes, measure } from "../../bytes.ts";
import { TransientError } from "../../errors.ts";
import { scratchFault, scratchFolder } from "../../scratch.ts";

/** A download that lies here for a moment, so that its digest is known before it is stored. */
export interface ScratchFile {
  readonly sha256: string;
  open(): Bytes;
  remove(): Promise<void>;
}

const TRIES = 4;

/** Downloads anew when it failed for a fault that passes. @throws what `download` throws, SourceError `SCRATCH_FULL` */
export async function scratchFile(purpose: string, download: () => Bytes, signal: AbortSignal): Promise<ScratchFile> {
  const scratch = await scratchFolder(purpose);
  const path = join(scratch.path, "file");
  try {
    for (let attempt = 1; ; attempt += 1) {
      const measured = measure(download());
      try {
        await pipeline(measured.bytes, createWriteStream(path, { mode: 0o600 }), { signal });
        return { sha256: measured.result().sha256, open: () => createReadStream(path), remove: () => scratch.remove() };
      } catch (error) {
        if (!(error instanceof TransientError) || attempt === TRIES) throw error;
      }
    }
  } catch (error) {
    await scratch.remove();
    throw scratchFault(error);
  }
}
