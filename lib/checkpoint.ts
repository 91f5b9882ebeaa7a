import * as z from "zod";
import { readAll } from "./bytes.ts";
import { IntegrityError, NotFoundError } from "./errors.ts";
import { checkpointKey } from "./keys.ts";
import { parseDocument } from "./manifest.ts";
import type { RunPointer } from "./plan-line.ts";
import { putDocument } from "./put-document.ts";
import { sealed } from "./seal.ts";
import type { Storage } from "./storage/storage.ts";

const MAX_CHECKPOINT_BYTES = 256 * 1024 * 1024;

const schema = z.object({ run: z.string(), notes: z.unknown(), seal: z.string().optional() });

/**
 * What a connector noted of a unit that its source put off, for when it goes on. Written before the record that says so. What is longer than a
 * string can be is as good as none.
 */
export async function writeCheckpoint(
  storage: Storage,
  { job, snapshot, run, resumed }: RunPointer,
  n: number,
  notes: unknown,
): Promise<void> {
  await putDocument(storage, checkpointKey(job, snapshot, n, resumed), Buffer.from(textOf(run, notes)));
}

/** Of a run that was taken up again, the last one. Undefined where there is none; one that is damaged or too long is as good as none. */
export async function readCheckpoint(
  storage: Storage,
  { job, snapshot, run, resumed }: RunPointer,
  n: number,
): Promise<unknown> {
  for (let time = resumed; time >= 0; time -= 1) {
    const key = checkpointKey(job, snapshot, n, time);
    try {
      const { run: of, notes } = parseDocument(
        schema,
        key,
        await readAll(await storage.get(key), MAX_CHECKPOINT_BYTES),
      );
      return of === run ? notes : undefined;
    } catch (error) {
      if (error instanceof IntegrityError || error instanceof RangeError) return undefined;
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return undefined;
}

/** Not left out: an earlier one that lies there does not know what was stored since. */
function textOf(run: string, notes: unknown): string {
  try {
    return JSON.stringify(sealed({ run, notes }));
  } catch (error) {
    if (error instanceof RangeError) return JSON.stringify(sealed({ run }));
    throw error;
  }
}
