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
  /** Where `storage` is made of another one: that one, in which things go wrong, and the way up from there. */
  readonly beneath?: Beneath;
  /** For another process, which is killed; absent where no other one can reach it. */
  readonly reach?: Reach;
}

export interface Beneath {
  readonly storage: Storage;
  readonly up: (storage: Storage) => Storage;
  /** The key up here of what is stored there. */
  readonly nameOf: (key: string) => string;
}

export const beneath = ({ storage, beneath: given }: Store): Beneath =>
  given ?? { storage, up: (same) => same, nameOf: (key) => key };

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
