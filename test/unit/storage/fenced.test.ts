import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { LeaseLostError, StorageError } from "../../../lib/errors.ts";
import { fencedStorage } from "../../../lib/storage/fenced.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { contentsOf } from "../../support/a-backup.ts";
import { pattern, watched } from "../../support/bytes.ts";

const lost = new LeaseLostError("taken by another");

test("once the lease is lost every change is refused, and everything can still be read", async () => {
  const inner = memoryStorage();
  await inner.put("a", bytesOf("a"));
  const storage = fencedStorage(inner, () => Promise.reject(lost));
  const body = watched(bytesOf("b"));
  await assert.rejects(storage.put("a", body.bytes), lost);
  assert.ok(body.state.released);
  await assert.rejects(storage.copy("a", "b"), lost);
  await assert.rejects(storage.remove(["a"]), lost);
  await assert.rejects(storage.prepare(), lost);
  assert.equal((await storage.head("a"))?.bytes, 1);
  assert.equal((await storage.read("a", 1)).content.byteLength, 1);
  assert.deepEqual([...(await contentsOf(storage)).keys()], ["a"]);
});

test("a lease that is lost while a body is read leaves nothing under its name, and the object that was there", async () => {
  for (const before of [undefined, "old"]) {
    const inner = memoryStorage();
    if (before !== undefined) await inner.put("a", bytesOf(before));
    let asked = 0;
    const storage = fencedStorage(inner, async () => {
      asked += 1;
      if (asked > 1) throw lost;
    });
    await assert.rejects(storage.put("a", pattern(3_000_000)), lost);
    assert.equal((await inner.head("a"))?.bytes, before?.length);
  }
});

test("what fails in prepare once another has taken the job over is the lost lease, and else what it was", async () => {
  const fault = new StorageError("STORAGE_FAILED", "the upload is gone");
  for (const [then, says] of [
    [() => Promise.reject(lost), lost],
    [() => Promise.reject(new StorageError("STORAGE_FAILED", "no answer")), fault],
    [() => Promise.resolve(), fault],
  ] as const) {
    let asked = 0;
    const inner: Storage = { ...memoryStorage(), prepare: () => Promise.reject(fault) };
    const storage = fencedStorage(inner, () => {
      asked += 1;
      return asked > 1 ? then() : Promise.resolve();
    });
    await assert.rejects(storage.prepare(), says);
  }
});
