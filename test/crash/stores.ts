import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bytesOf } from "../../lib/bytes.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { temporaryFolder } from "../support/stores.ts";
import { type Image, imageOfFolder, imageOfStorage } from "./image.ts";
import type { Reach } from "./reach.ts";

/** A kind of storage that the harness can put into any state, and look into from outside. */
export interface StoreKind {
  readonly name: string;
  /** A new store that holds exactly `image`. */
  open(image: Image): Promise<Store>;
}

export interface Store extends AsyncDisposable {
  readonly storage: Storage;
  image(): Promise<Image>;
  /** For another process, which is killed; absent where no other one can reach it. */
  readonly reach?: Reach;
}

export const inMemory: StoreKind = {
  name: "memory",
  async open(image) {
    const storage = memoryStorage();
    for (const [key, content] of image) await storage.put(key, bytesOf(content));
    return { storage, image: () => imageOfStorage(storage), async [Symbol.asyncDispose]() {} };
  },
};

export const onFilesystem: StoreKind = {
  name: "filesystem",
  async open(image) {
    const folder = await temporaryFolder();
    await writeImage(folder.path, image);
    return {
      storage: filesystemStorage({ basePath: folder.path }),
      image: () => imageOfFolder(folder.path),
      reach: { kind: "filesystem", folder: folder.path },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
};

/** Without the storage, which would sync each file. */
export async function writeImage(folder: string, image: Image): Promise<void> {
  for (const [key, content] of image) {
    await mkdir(dirname(join(folder, key)), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, key), content, { mode: 0o600 });
  }
}
