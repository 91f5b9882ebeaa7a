import { readAll } from "../../lib/bytes.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { readStore } from "./documents.ts";

export interface KnownSnapshot {
  readonly snapshot: string;
  readonly status: "ok" | "partial" | "failed";
  readonly good: boolean;
}

/** The snapshots of a store, oldest first, by a reader that remembers what cannot change any more. */
export interface Known {
  all(): Promise<readonly KnownSnapshot[]>;
  /** Those without a manifest included. */
  folders(): Promise<number>;
}

const FOLDER = /^(.+\/\d{4}-\d\d-\d\d\/\d{6}Z\/)(.*)$/;
const DOCUMENTS = ["manifest.json", "SHA256SUMS", "verified.json"];

export function knownSnapshots(storage: Storage): Known {
  const remembered = new Map<string, KnownSnapshot>();

  async function foldersByPrefix(): Promise<Map<string, Set<string>>> {
    const folders = new Map<string, Set<string>>();
    for await (const { key } of storage.list("")) {
      const [, prefix = "", name = ""] = FOLDER.exec(key) ?? [];
      const names = folders.get(prefix) ?? new Set();
      names.add(name);
      folders.set(prefix, names);
    }
    return folders;
  }

  async function read(prefix: string, names: ReadonlySet<string>): Promise<KnownSnapshot | undefined> {
    const image = new Map<string, Uint8Array>();
    for (const name of DOCUMENTS.filter((one) => names.has(one)))
      image.set(prefix + name, await readAll(await storage.get(prefix + name), 1e9));
    const [seen] = readStore(image).snapshots;
    if (seen?.manifest === undefined) return undefined;
    const { status } = seen.manifest;
    if (status !== "ok" && status !== "partial" && status !== "failed") return undefined;
    return { snapshot: seen.snapshot, status, good: seen.good };
  }

  return {
    async all() {
      const found: KnownSnapshot[] = [];
      for (const [prefix, names] of await foldersByPrefix()) {
        if (!names.has("manifest.json")) continue;
        // Which documents there are is all that can still change of one that was verified.
        const place = `${prefix} ${DOCUMENTS.filter((name) => names.has(name)).join()}`;
        const one = remembered.get(place) ?? (await read(prefix, names));
        if (one === undefined) continue;
        if (one.good) remembered.set(place, one);
        found.push(one);
      }
      return found.sort((a, b) => (a.snapshot < b.snapshot ? -1 : 1));
    },
    folders: async () => (await foldersByPrefix()).size,
  };
}
