import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { CodedError, IntegrityError, NotFoundError } from "./errors.ts";
import { toldKey } from "./keys.ts";
import { parseDocument } from "./manifest.ts";
import { putDocument } from "./put-document.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * What was told of a job, and since when it is not well: `<job>/.told.json`, so that the run, the watch and a watch on
 * another machine tell things once. Losing it costs a message told twice, nothing else.
 */
const toldSchema = z.strictObject({
  schemaVersion: z.literal(1),
  job: z.string(),
  failing: z.strictObject({ since: z.iso.datetime(), runs: z.int().positive() }).nullable(),
  missed: z.strictObject({ since: z.iso.datetime(), problems: z.array(z.string()) }).nullable(),
  undelivered: z.array(z.strictObject({ notifier: z.string(), at: z.iso.datetime(), message: z.string() })).max(100),
  watch: z
    .strictObject({ firstSeen: z.iso.datetime(), schedule: z.string() })
    .optional()
    .describe("since when the watch knows of the job, and when it should run as far as it knows"),
});

export type Told = z.infer<typeof toldSchema>;

const MAX_BYTES = 1024 * 1024;
const ATTEMPTS = 8;

export const nothingTold = (job: string): Told => ({
  schemaVersion: 1,
  job,
  failing: null,
  missed: null,
  undelivered: [],
});

/** One that is damaged counts as none. @throws StorageError | TransientError when the storage cannot be read */
export async function readTold(storage: Storage, job: string): Promise<Told> {
  return (await found(storage, job)).told;
}

/**
 * Changes the document as it is by then: another process may have written it meanwhile.
 * @throws StorageError | TransientError
 */
export async function changeTold(storage: Storage, job: string, change: (told: Told) => Told): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { told, version } = await found(storage, job);
    const changed = change(told);
    if (JSON.stringify(changed) === JSON.stringify(told)) return;
    const content = new TextEncoder().encode(`${JSON.stringify(changed, null, 2)}\n`);
    try {
      await putDocument(
        storage,
        toldKey(job),
        content,
        version === undefined ? { ifAbsent: true } : { ifMatch: version },
      );
      return;
    } catch (error) {
      const met = error instanceof CodedError && ["STORAGE_EXISTS", "STORAGE_CHANGED"].includes(error.code);
      if (!met || attempt === ATTEMPTS) throw error;
      await delay(Math.random() * 50 * attempt);
    }
  }
}

async function found(storage: Storage, job: string): Promise<{ told: Told; version: string | undefined }> {
  let document: { readonly content: Uint8Array; readonly version: string };
  try {
    document = await storage.read(toldKey(job), MAX_BYTES);
  } catch (error) {
    if (error instanceof NotFoundError) return { told: nothingTold(job), version: undefined };
    throw error;
  }
  try {
    const told = parseDocument(toldSchema, toldKey(job), document.content);
    return { told: told.job === job ? told : nothingTold(job), version: document.version };
  } catch (error) {
    if (error instanceof IntegrityError) return { told: nothingTold(job), version: document.version };
    throw error;
  }
}
