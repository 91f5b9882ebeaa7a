import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { checkArtifact, readArtifact } from "../../lib/artifact.ts";
import type { Artifact } from "../../lib/manifest.ts";
import { THREAD_FROM_BYTES } from "../../lib/measure-owned.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { threadsDuring } from "../support/started-threads.ts";

/** gzip takes several files, one behind another, for one. */
const PLAIN = randomBytes(1024 * 1024);
const MEMBER = gzipSync(PLAIN, { level: 1 });
const TIMES = Math.ceil(THREAD_FROM_BYTES / MEMBER.byteLength);
/** Of the time of compression in a member's header: only the digest of the stored bytes tells that it is another. */
const TIME_AT = 4;

const digestOf = (piece: Uint8Array): string => {
  const hash = createHash("sha256");
  for (let time = 0; time < TIMES; time += 1) hash.update(piece);
  return hash.digest("hex");
};

const artifact: Artifact = {
  path: "a/a.bin.gz",
  bytes: TIMES * MEMBER.byteLength,
  sha256: digestOf(MEMBER),
  sourceBytes: TIMES * PLAIN.byteLength,
  sourceSha256: digestOf(PLAIN),
  contentType: "application/octet-stream",
  compression: "gzip",
  encryption: null,
  facts: {},
  restore: "",
};

/** Holds the artifact alone, in which `changed` has one bit that is another. */
const holding = (changed?: number): Storage => ({
  ...memoryStorage(),
  async get() {
    return (async function* () {
      for (let time = 0; time < TIMES; time += 1) {
        const piece = new Uint8Array(MEMBER);
        if (time === changed) piece[TIME_AT] = (piece[TIME_AT] ?? 0) ^ 1;
        yield piece;
      }
    })();
  },
});

async function readAllOf(storage: Storage): Promise<void> {
  for await (const _ of readArtifact(storage, "docs/", artifact, undefined));
}

describe("an artifact that is long enough for a thread", () => {
  for (const [name, work] of [
    ["is checked", (storage: Storage) => checkArtifact(storage, "docs/", artifact, new AbortController().signal)],
    ["is read", readAllOf],
  ] as const) {
    test(`${name} on one, and one bit in its last part is found`, async () => {
      const threads = await threadsDuring(async () => {
        await work(holding());
        await assert.rejects(work(holding(TIMES - 1)), {
          code: "INTEGRITY_MISMATCH",
          message: "a/a.bin.gz has another SHA-256 than the manifest says",
        });
      });
      assert.equal(threads.length, 2);
    });
  }
});
