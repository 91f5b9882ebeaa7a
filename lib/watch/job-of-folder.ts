import * as z from "zod";
import { IntegrityError, NotFoundError } from "../errors.ts";
import { folderName, isShortened, snapshotOfFolders } from "../keys.ts";
import { parseDocument } from "../manifest.ts";
import type { Storage } from "../storage/storage.ts";

/** Of a manifest no more than whose it is: what else may be wrong with it says nothing of that. */
const ownerSchema = z.object({ job: z.string() });

const MAX_BYTES = 512 * 1024 * 1024;
/** Of a folder whose newest manifests are all damaged nobody can say whose it is. */
const LOOK_BACK = 10;

/**
 * The name of the job that a folder was made for; undefined for a folder that is none. One that was shortened is told by its
 * manifests alone. @throws StorageError | TransientError
 */
export async function jobOfFolder(storage: Storage, folder: string): Promise<string | undefined> {
  if (!isShortened(folder)) return decoded(folder);
  let looked = 0;
  for (const day of (await Array.fromAsync(storage.folders(`${folder}/`))).sort().reverse()) {
    if (snapshotOfFolders(day, "000000Z") === undefined) continue;
    for (const time of (await Array.fromAsync(storage.folders(`${folder}/${day}/`))).sort().reverse()) {
      const owner = await ownerOf(storage, `${folder}/${day}/${time}/manifest.json`);
      if (owner !== undefined && folderName(owner) === folder) return owner;
      looked += 1;
      if (looked === LOOK_BACK) return undefined;
    }
  }
  return undefined;
}

function decoded(folder: string): string | undefined {
  try {
    const name = decodeURIComponent(folder);
    return folderName(name) === folder ? name : undefined;
  } catch {
    return undefined;
  }
}

async function ownerOf(storage: Storage, key: string): Promise<string | undefined> {
  try {
    return parseDocument(ownerSchema, key, (await storage.read(key, MAX_BYTES)).content).job;
  } catch (error) {
    const isUnreadable = error instanceof NotFoundError || error instanceof IntegrityError;
    if (isUnreadable || error instanceof RangeError) return undefined;
    throw error;
  }
}
