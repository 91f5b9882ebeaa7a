import { checkConditions, release } from "../body.ts";
import { checkFolderPrefix, checkKey, checkPrefix } from "../key.ts";
import type { Storage } from "../storage.ts";
import { COPY_PART_BYTES, copyObject } from "./copy.ts";
import { describeObject } from "./head.ts";
import { listFolders, listObjects } from "./list.ts";
import { partBytes } from "./parts.ts";
import { prepareBucket } from "./prepare.ts";
import { newConditions } from "./publish.ts";
import { putObject } from "./put.ts";
import { readDocument, readObject } from "./read.ts";
import { removeObjects } from "./remove.ts";
import type { S3Store } from "./store.ts";

/** How large the pieces are in which large objects go. */
export interface S3Sizes {
  readonly part: (number: number) => number;
  readonly copyPart: number;
}

/**
 * Objects below a prefix of a bucket, on AWS or a compatible server. Each request is tried again by itself, with
 * lib/retry.ts, so it needs no retrying around it. docs/storage.md tells all of it.
 */
export function s3Storage(store: S3Store, sizes: S3Sizes = { part: partBytes, copyPart: COPY_PART_BYTES }): Storage {
  const conditions = newConditions();
  return {
    prepare: (owned) => prepareBucket(store, conditions, owned),
    async put(key, body, options = {}) {
      checkKey(key);
      checkConditions(key, options);
      try {
        return await putObject(store, key, body, options, { conditions, sizeOf: sizes.part });
      } finally {
        await release(body);
      }
    },
    async get(key) {
      checkKey(key);
      return readObject(store, key);
    },
    async read(key, maxBytes) {
      checkKey(key);
      return readDocument(store, key, maxBytes);
    },
    async head(key) {
      checkKey(key);
      return describeObject(store, key);
    },
    async *list(prefix) {
      checkPrefix(prefix);
      yield* listObjects(store, prefix);
    },
    async *folders(prefix) {
      checkFolderPrefix(prefix);
      yield* listFolders(store, prefix);
    },
    async copy(from, to, options) {
      checkKey(from);
      checkKey(to);
      return copyObject(store, from, to, { ...options, conditions, partBytes: sizes.copyPart });
    },
    async remove(keys) {
      keys.forEach(checkKey);
      await removeObjects(store, keys);
    },
  };
}
