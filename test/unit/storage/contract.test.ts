import { fencedStorage } from "../../../lib/storage/fenced.ts";
import { filesystemStorage } from "../../../lib/storage/filesystem.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { nfsStorage } from "../../../lib/storage/nfs.ts";
import { retryingStorage } from "../../../lib/storage/retrying.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { storageContract } from "../../contract/storage.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";
import { storeOnDisk } from "../../support/stores.ts";

const inMemory = (wrap: (storage: Storage) => Storage) => async () => ({
  storage: wrap(memoryStorage()),
  leftovers: async () => [],
  [Symbol.asyncDispose]: async () => {},
});

const retrying = (storage: Storage) =>
  retryingStorage(storage, { attempts: 3, baseMs: 1, maxMs: 1, signal: new AbortController().signal });

storageContract(
  "memory",
  inMemory((storage) => storage),
);
storageContract("retrying around memory", inMemory(retrying));
storageContract(
  "faulty without faults",
  inMemory((storage) => faultyStorage(storage)),
);
storageContract(
  "fenced and held",
  inMemory((storage) => fencedStorage(storage, async () => {})),
);
storageContract("filesystem", () => storeOnDisk((basePath) => filesystemStorage({ basePath })));
storageContract("nfs without require_mount", () =>
  storeOnDisk((basePath) => nfsStorage({ basePath, requireMount: false })),
);
