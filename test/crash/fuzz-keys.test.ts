import "./no-waiting.ts";
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { bytesOf } from "../../lib/bytes.ts";
import { CodedError } from "../../lib/errors.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import type { Storage, StoredObject } from "../../lib/storage/storage.ts";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";
import { temporaryFolder } from "../support/stores.ts";

/** Longer for a longer look: FUZZ_RUNS=20000. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
/** Each is several requests to a server. */
const S3_SHARE = 4;
const TIMEOUT_MS = 60_000;

/** Of another size than what lies outside. */
const OURS = "1";

const part = fc.oneof(
  fc.constantFrom(
    "..",
    ".",
    "",
    "a",
    "b.json",
    "\0",
    "a\\..\\b",
    "...",
    "%2e%2e",
    "%2F..%2F..",
    "C:",
    "~",
    "a?x=1",
    "a#b",
    "+",
    " ",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const keys = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));

test("a storage key of any form is refused or stays below the base, in every method", async () => {
  await using folder = await temporaryFolder();
  const base = join(folder.path, "outer/base");
  const storage = filesystemStorage({ basePath: base });
  await storage.prepare();
  await fc.assert(
    fc.asyncProperty(keys, keys, async (key, other) => {
      await useAll(storage, key, other);
      assert.deepEqual(await readdir(folder.path), ["outer"]);
      assert.deepEqual(await readdir(join(folder.path, "outer")), ["base"]);
    }),
    { numRuns: RUNS, timeout: TIMEOUT_MS },
  );
});

test("S3: a storage key of any form is refused or stays below the prefix, in every method", {
  skip: noVersitygw,
}, async () => {
  await using server = await startVersitygw();
  await using subject = await storeOnS3(server);
  const { client, store, storage } = subject;
  // What a key that leaves the prefix would replace, list or remove.
  const outside = ["some/a", "some/b.json", "some/backupsa", "a", "b.json"];
  for (const Key of outside) await client.send(new PutObjectCommand({ Bucket: store.bucket, Key, Body: "outside" }));
  let stored = 0;
  const named: string[] = [];
  client.middlewareStack.add(
    (next) => (args) => {
      named.push(...namesIn(args.input as Named));
      return next(args);
    },
    { step: "initialize" },
  );
  await fc.assert(
    fc.asyncProperty(keys, keys, async (key, other) => {
      const listed = await useAll(storage, key, other);
      // By its size: ours may have the same name below the prefix.
      assert.deepEqual(
        listed.filter(({ bytes }) => bytes !== OURS.length),
        [],
      );
      const wrong = named.filter((name) => !name.startsWith(store.prefix) || /(^|\/)\.{1,2}(\/|$)/.test(name));
      assert.deepEqual(wrong, []);
      stored += listed.length;
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: store.bucket, Prefix: store.prefix }),
      );
      named.length = 0;
      assert.deepEqual(
        Contents.map(({ Key }) => Key),
        [],
        "what was stored is not what was removed",
      );
    }),
    { numRuns: Math.ceil(RUNS / S3_SHARE), timeout: TIMEOUT_MS },
  );
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: store.bucket }));
  assert.deepEqual(
    Contents.map(({ Key }) => Key),
    outside.toSorted(),
  );
  assert.ok(stored > 0, "no key was taken at all");
});

/** Every method with these keys; answers what was listed. What fails has to do so with a code, or as no key at all. */
async function useAll(storage: Storage, key: string, other: string): Promise<readonly StoredObject[]> {
  const listed: StoredObject[] = [];
  for (const work of [
    () => storage.put(key, bytesOf(OURS)),
    () => storage.copy(key, other),
    () => storage.head(key),
    () => storage.read(key, 10),
    async () => Array.fromAsync(await storage.get(key)),
    async () => {
      for await (const found of storage.list(key)) listed.push(found);
    },
    () => Array.fromAsync(storage.folders(`${key}/`)),
    () => storage.remove([key]),
    () => storage.remove([other]),
    () => storage.remove([key, other]),
  ]) {
    await work().catch((error: unknown) => {
      const isRefused = error instanceof CodedError || /not a (storage|folder's) (key|prefix)/.test(String(error));
      if (!isRefused) throw error;
    });
  }
  return listed;
}

/** The objects that a request names, and the folders of its prefix. */
function namesIn({ Key, Prefix, CopySource, Delete }: Named): string[] {
  const [, source] = /^\/?[^/]*\/(.*)$/s.exec(decodeURIComponent(CopySource ?? "")) ?? [];
  const many = (Delete?.Objects ?? []).map((one) => one.Key);
  return [Key, source, Prefix?.replace(/[^/]*$/, ""), ...many].filter((name) => name !== undefined);
}

interface Named {
  readonly Key?: string;
  readonly Prefix?: string;
  readonly CopySource?: string;
  readonly Delete?: { readonly Objects?: readonly { readonly Key?: string }[] };
}
