import { createHash } from "node:crypto";
import { type Bytes, CHUNK_BYTES, readAll } from "../bytes.ts";
import { alreadyExists, checkConditions, hasChanged, notFound, ofLength, release } from "./body.ts";
import { byUtf16, checkFolderPrefix, checkKey, checkPrefix } from "./key.ts";
import type { PutOptions, Storage } from "./storage.ts";

/** A storage that lasts as long as the process. For tests and trials: it holds every object whole. */
export function memoryStorage(): Storage {
  const objects = new Map<string, Uint8Array>();
  const keys = (prefix: string) => [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(byUtf16);

  function refuseUnless(key: string, { ifAbsent, ifMatch }: PutOptions): void {
    const present = objects.get(key);
    if (ifAbsent === true && present !== undefined) throw alreadyExists(key);
    if (ifMatch !== undefined && (present === undefined || digest(present) !== ifMatch)) throw hasChanged(key);
  }

  return {
    async prepare() {},

    async put(key, body, options = {}) {
      checkKey(key);
      checkConditions(key, options);
      try {
        refuseUnless(key, options);
      } catch (error) {
        await release(body);
        throw error;
      }
      const content = await collect(ofLength(key, body, options.expectedBytes));
      // Again: another writer may have come first while the body was read.
      refuseUnless(key, options);
      objects.set(key, content);
      const sha256 = digest(content);
      return { key, bytes: content.byteLength, sha256, version: sha256 };
    },

    async get(key) {
      checkKey(key);
      const content = objects.get(key);
      if (content === undefined) throw notFound(key);
      return pieces(content);
    },

    async read(key, maxBytes) {
      checkKey(key);
      const content = objects.get(key);
      if (content === undefined) throw notFound(key);
      return { content: await readAll(pieces(content), maxBytes), version: digest(content) };
    },

    async head(key) {
      checkKey(key);
      const content = objects.get(key);
      return content === undefined ? undefined : { key, bytes: content.byteLength };
    },

    async *list(prefix) {
      checkPrefix(prefix);
      for (const key of keys(prefix)) {
        const content = objects.get(key);
        if (content !== undefined) yield { key, bytes: content.byteLength };
      }
    },

    async *folders(prefix) {
      checkFolderPrefix(prefix);
      const below = keys(prefix).map((key) => key.slice(prefix.length));
      const names = below.filter((rest) => rest.includes("/")).map((rest) => rest.slice(0, rest.indexOf("/")));
      yield* [...new Set(names)].sort(byUtf16);
    },

    async copy(from, to, { ifAbsent = false, beforeLast } = {}) {
      checkKey(from);
      checkKey(to);
      const content = objects.get(from);
      if (content === undefined) throw notFound(from);
      await beforeLast?.();
      refuseUnless(to, { ifAbsent });
      objects.set(to, content);
      return { key: to, bytes: content.byteLength };
    },

    async remove(removed) {
      removed.forEach(checkKey);
      for (const key of removed) objects.delete(key);
    },
  };
}

const digest = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Copies, for a source may reuse its buffers. */
async function collect(body: Bytes): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const chunk of body) copies.push(Uint8Array.from(chunk));
  // Not a Buffer, whose `slice` is a view.
  return Uint8Array.from(Buffer.concat(copies));
}

/** Copies, for a reader may write into what it was given. */
async function* pieces(content: Uint8Array): Bytes {
  for (let start = 0; start < content.byteLength; start += CHUNK_BYTES) yield content.slice(start, start + CHUNK_BYTES);
}
