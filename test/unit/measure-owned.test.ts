import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { Worker } from "node:worker_threads";
import type { Bytes } from "../../lib/bytes.ts";
import { compress, decompress } from "../../lib/compression.ts";
import { openFile, sealFile, type Wrap } from "../../lib/encryption/age/file.ts";
import { openDecryption, openEncryption } from "../../lib/encryption/all.ts";
import { TransientError } from "../../lib/errors.ts";
import { measureOwned, THREAD_FROM_BYTES } from "../../lib/measure-owned.ts";
import { collected, failingAfter, patternBytes, sha256, watched } from "../support/bytes.ts";
import { aKeyring, gpgMissing } from "../support/gpg-program.ts";
import { threadsDuring, withoutThreads } from "../support/started-threads.ts";

const MiB = 1024 * 1024;
const LONG = THREAD_FROM_BYTES;

/** Each piece is all of its buffer, as a storage gives them. */
async function* own(content: Uint8Array, size: number): Bytes {
  for (let at = 0; at < content.byteLength; at += size) yield new Uint8Array(content.subarray(at, at + size));
}

const hasEnded = ({ threadId }: Worker): boolean => threadId === -1;

describe("a long stream is measured on a thread", () => {
  for (const [name, size, total] of [
    ["of large pieces", MiB + 1, 9 * MiB],
    ["of small pieces", 1_000, MiB + 7],
    ["of one piece", 100, 100],
    ["of nothing", 1, 0],
  ] as const) {
    test(`one ${name} as the bytes are, and these pass unchanged`, async () => {
      const content = patternBytes(total);
      const threads = await threadsDuring(async () => {
        const measured = measureOwned(own(content, size), LONG);
        assert.equal(sha256(await collected(measured.bytes)), sha256(content));
        assert.deepEqual(measured.result(), { bytes: total, sha256: sha256(content) });
      });
      assert.deepEqual(threads.map(hasEnded), [true]);
    });
  }

  test("one whose pieces are parts of a buffer, the rest of which stays as it is", async () => {
    const content = patternBytes(3 * MiB);
    async function* views(): Bytes {
      for (let at = 0; at < content.byteLength; at += 300_000) yield content.subarray(at, at + 300_000);
    }
    const measured = measureOwned(views(), LONG);
    for await (const _ of measured.bytes);
    assert.equal(content.byteLength, 3 * MiB);
    assert.equal(measured.result().sha256, sha256(patternBytes(3 * MiB)));
  });

  test("one whose pieces can be read until the next but one is asked for, and are out of memory soon after", async () => {
    const content = patternBytes(8 * MiB);
    const given: Uint8Array[] = [];
    for await (const piece of measureOwned(own(content, MiB), LONG).bytes) {
      given.push(piece);
      assert.deepEqual(
        given.slice(-2).map(({ byteLength }) => byteLength),
        given.slice(-2).map(() => MiB),
      );
    }
    assert.deepEqual(
      given.map(({ byteLength }) => byteLength),
      [0, 0, 0, 0, 0, 0, 0, MiB],
    );
  });
});

describe("whoever opens what is measured on a thread is through with a piece in time", () => {
  const content = randomBytes(24 * MiB);
  for (const type of ["gzip", "zstd"] as const) {
    test(type, async () => {
      const stored = await collected(compress(own(content, MiB), { type, level: 1 }));
      const measured = measureOwned(own(stored, 10_000), LONG);
      assert.equal(sha256(await collected(decompress(measured.bytes, type))), sha256(content));
      assert.deepEqual(measured.result(), { bytes: stored.byteLength, sha256: sha256(stored) });
    });
  }

  test("age", async () => {
    const fileKeys: Uint8Array[] = [];
    const wrap: Wrap = (fileKey) => {
      fileKeys.push(fileKey);
      return { type: "test", args: [], body: new Uint8Array(16) };
    };
    const stored = await collected(sealFile(own(content, MiB), [wrap]));
    const measured = measureOwned(own(stored, 100_000), LONG);
    assert.equal(sha256(await collected(openFile(measured.bytes, [() => fileKeys[0]]))), sha256(content));
    assert.deepEqual(measured.result(), { bytes: stored.byteLength, sha256: sha256(stored) });
  });

  test("gpg", { skip: gpgMissing() }, async () => {
    using ring = aKeyring();
    const { publicKey, privateKey } = ring.make("one");
    const context = {
      secrets: { resolve: () => Promise.reject(new Error("no secret is needed")) },
      signal: new AbortController().signal,
    };
    const encryption = await openEncryption({ type: "gpg", public_keys: [publicKey] }, context);
    const decryption = await openDecryption("gpg", undefined, { key: privateKey, source: "the test" }, context);
    assert.ok(decryption !== undefined);
    try {
      const stored = await collected(encryption.encrypt(own(content, MiB)));
      const measured = measureOwned(own(stored, MiB), LONG);
      assert.equal(sha256(await collected(decryption.decrypt(measured.bytes))), sha256(content));
      assert.deepEqual(measured.result(), { bytes: stored.byteLength, sha256: sha256(stored) });
    } finally {
      await Promise.all([encryption.close(), decryption.close()]);
    }
  });
});

test("where no thread can be started, a long stream is measured all the same", async () => {
  const content = patternBytes(3 * MiB);
  await withoutThreads(async () => {
    const measured = measureOwned(own(content, MiB), LONG);
    assert.equal(sha256(await collected(measured.bytes)), sha256(content));
    assert.deepEqual(measured.result(), { bytes: content.byteLength, sha256: sha256(content) });
  });
});

test("a short stream needs no thread", async () => {
  const content = patternBytes(1_000);
  const threads = await threadsDuring(async () => {
    const measured = measureOwned(own(content, 100), LONG - 1);
    for await (const _ of measured.bytes);
    assert.deepEqual(measured.result(), { bytes: 1_000, sha256: sha256(content) });
  });
  assert.equal(threads.length, 0);
});

test("stopping early lets go of the source and ends the thread, and a measure asked for then is refused", async () => {
  const source = watched(own(patternBytes(4 * MiB), MiB));
  const measured = measureOwned(source.bytes, LONG);
  const threads = await threadsDuring(async () => {
    for await (const _ of measured.bytes) break;
  });
  assert.equal(source.state.released, true);
  assert.deepEqual(threads.map(hasEnded), [true]);
  assert.throws(() => measured.result(), /before its end/);
});

test("a source that fails is heard, and the thread ends", async () => {
  const broken = new Error("the source broke");
  const threads = await threadsDuring(async () => {
    await assert.rejects(
      collected(measureOwned(failingAfter(3 * MiB, broken), LONG).bytes),
      (error) => error === broken,
    );
  });
  assert.deepEqual(threads.map(hasEnded), [true]);
});

test("a thread that ends by itself fails the stream, which says nothing about its bytes", async () => {
  await threadsDuring(async (threads) => {
    async function* source(): Bytes {
      yield* own(patternBytes(2 * MiB), MiB);
      const [thread] = threads;
      assert.ok(thread);
      await Promise.all([once(thread, "exit"), thread.terminate()]);
      yield* own(patternBytes(20 * MiB), MiB);
    }
    await assert.rejects(
      collected(measureOwned(source(), LONG).bytes),
      (error) => error instanceof TransientError && /the thread that hashes has ended/.test(error.message),
    );
  });
});
