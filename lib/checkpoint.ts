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

/** What a connector noted of a unit that its source put off, for when it goes on. Written before the record that says so. */
export async function writeCheckpoint(
  storage: Storage,
  { job, snapshot, run, resumed }: RunPointer,
  n: number,
  notes: unknown,
): Promise<void> {
  const text = JSON.stringify(sealed({ run, notes }));
  await putDocument(storage, checkpointKey(job, snapshot, n, resumed), Buffer.from(text));
}

/** Of a run that was taken up again, the last one. Undefined where there is none; one that is damaged is as good as none. */
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
      if (error instanceof IntegrityError) return undefined;
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return undefined;
}
