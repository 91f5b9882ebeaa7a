import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Storage } from "../../lib/storage/storage.ts";
import { contentsOf } from "../support/a-backup.ts";

/** Everything that lies in a store at one moment: key to bytes, files in the making included. */
export type Image = ReadonlyMap<string, Uint8Array>;

export const imageOfStorage = (storage: Storage): Promise<Image> => contentsOf(storage);

/** Read with nothing of ours: what a person with a file manager sees. */
export async function imageOfFolder(folder: string): Promise<Image> {
  const image = new Map<string, Uint8Array>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    image.set(path.slice(folder.length + 1), await readFile(path));
  }
  return image;
}
