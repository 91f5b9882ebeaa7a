import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import { StorageError, TransientError } from "../../../lib/errors.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { retryingStorage } from "../../../lib/storage/retrying.ts";
import { pattern, patternBytes, sha256, watched } from "../../support/bytes.ts";
import { type Fault, faultyStorage } from "../../support/faulty-storage.ts";

const passing = (retryAfterMs = 0) => new TransientError("STORAGE_FAILED", "the server restarts", { retryAfterMs });
const MiB = 1024 * 1024;

async function subject(plan: readonly Fault[]) {
  const inner = memoryStorage();
  for (const key of ["a/1", "a/2", "a/3", "b/1", "c/1"]) await inner.put(key, bytesOf(key));
  const faulty = faultyStorage(inner, plan);
  const waits: number[] = [];
  const storage = retryingStorage(faulty, {
    attempts: 3,
    baseMs: 100,
    maxMs: 1_000,
    signal: new AbortController().signal,
    random: () => 1,
    sleep: async (ms) => {
      waits.push(ms);
    },
  });
  return { inner, storage, waits, calls: faulty.calls };
}

const keysOf = async (objects: AsyncIterable<{ key: string }>) =>
  (await Array.fromAsync(objects)).map((object) => object.key);

test("prepare, get, head, copy and remove are tried again, after the wait that was asked for", async () => {
  for (const when of ["before", "after"] as const) {
    const methods = ["prepare", "get", "head", "copy", "remove"] as const;
    const { inner, storage, waits, calls } = await subject(
      methods.map((on) => ({ on, call: 1, do: "fail", error: passing(7), when })),
    );
    await storage.prepare();
    assert.deepEqual(await storage.head("a/1"), { key: "a/1", bytes: 3 });
    assert.equal(Buffer.from(await readAll(await storage.get("a/1"), 10)).toString(), "a/1");
    assert.deepEqual(await storage.copy("a/1", "copy"), { key: "copy", bytes: 3 });
    await storage.remove(["a/1"]);
    assert.deepEqual(waits, [107, 107, 107, 107, 107]);
    assert.equal(calls.length, 10);
    assert.deepEqual(await keysOf(inner.list("")), ["a/2", "a/3", "b/1", "c/1", "copy"]);
  }
});

test("a failure that lasts is thrown after the last attempt, and one that is final at once", async () => {
  const lasting = await subject([{ on: "head", do: "fail", error: passing(), when: "before" }]);
  await assert.rejects(lasting.storage.head("a/1"), { name: "TransientError", message: "the server restarts" });
  assert.deepEqual(lasting.waits, [100, 200]);
  const final = await subject([
    { on: "head", do: "fail", error: new StorageError("STORAGE_FORBIDDEN", "no"), when: "before" },
  ]);
  await assert.rejects(final.storage.head("a/1"), { code: "STORAGE_FORBIDDEN" });
  assert.deepEqual(final.waits, []);
});

test("a listing that breaks goes on after the last key, without gap or repetition", async () => {
  for (const afterEntries of [0, 1, 3, 5]) {
    const { storage, waits } = await subject([{ on: "list", call: 1, do: "break", afterEntries, error: passing() }]);
    assert.deepEqual(
      await keysOf(storage.list("")),
      ["a/1", "a/2", "a/3", "b/1", "c/1"],
      `broken after ${afterEntries}`,
    );
    assert.equal(waits.length, 1);
  }
});

test("folders go on after the last name", async () => {
  const { storage } = await subject([{ on: "folders", call: 1, do: "break", afterEntries: 2, error: passing() }]);
  assert.deepEqual(await Array.fromAsync(storage.folders("")), ["a", "b", "c"]);
});

test("a listing that makes progress between failures is not given up, one that makes none is", async () => {
  const crawling: Fault[] = [1, 2, 3, 4, 5].map((call) => ({
    on: "list",
    call,
    do: "break",
    afterEntries: call,
    error: passing(),
  }));
  const { storage, waits } = await subject(crawling);
  assert.deepEqual(await keysOf(storage.list("")), ["a/1", "a/2", "a/3", "b/1", "c/1"]);
  assert.equal(waits.length, 5);
  const stuck = await subject([{ on: "list", do: "break", afterEntries: 2, error: passing() }]);
  await assert.rejects(keysOf(stuck.storage.list("")), { name: "TransientError" });
  assert.equal(stuck.waits.length, 2);
});

test("a put is tried again with the same body while nothing of it was read", async () => {
  const { inner, storage, waits } = await subject([
    { on: "put", call: 1, do: "fail", error: passing(), when: "before" },
  ]);
  const body = watched(pattern(MiB));
  const stored = await storage.put("new", body.bytes, { ifAbsent: true, expectedBytes: MiB });
  assert.equal(stored.sha256, sha256(patternBytes(MiB)));
  assert.equal(waits.length, 1);
  assert.deepEqual(await inner.head("new"), { key: "new", bytes: MiB });
});

test("a put whose body was read is not tried again, even if the failure might pass", async () => {
  const { storage, waits, calls } = await subject([
    { on: "put", call: 1, do: "fail", error: passing(), when: "after" },
  ]);
  await assert.rejects(storage.put("new", bytesOf("x")), { name: "TransientError" });
  assert.deepEqual(waits, []);
  assert.equal(calls.length, 1);
});

test("a body that fails with a passing error of its own is not read twice", async () => {
  const { inner, storage, waits } = await subject([]);
  async function* broken() {
    yield Buffer.from("x");
    throw passing();
  }
  await assert.rejects(storage.put("new", broken()), { name: "TransientError" });
  assert.deepEqual(waits, []);
  assert.equal(await inner.head("new"), undefined);
});

test("a body that is never read is let go of when the storage stays down", async () => {
  const { storage } = await subject([{ on: "put", do: "fail", error: passing(), when: "before" }]);
  const body = watched(bytesOf("x"));
  await assert.rejects(storage.put("new", body.bytes), { name: "TransientError" });
  assert.deepEqual(body.state, { begun: false, released: true });
});

test("a body that breaks before its first byte is asked for again, later it stays broken", async () => {
  const { storage, waits } = await subject([{ on: "get", call: 1, do: "cut", afterBytes: 0, error: passing() }]);
  assert.equal((await readAll(await storage.get("a/1"), 10)).byteLength, 3);
  assert.equal(waits.length, 1);
  const later = await subject([{ on: "get", call: 1, do: "cut", afterBytes: 2, error: passing() }]);
  await assert.rejects(readAll(await later.storage.get("a/1"), 10), { name: "TransientError" });
  assert.deepEqual(later.waits, []);
});

test("leaving a body early lets go of the storage's", async () => {
  const inner = memoryStorage();
  const body = watched(pattern(MiB));
  const options = { attempts: 3, baseMs: 1, maxMs: 1, signal: new AbortController().signal };
  const storage = retryingStorage({ ...inner, get: async () => body.bytes }, options);
  for await (const _ of await storage.get("any")) break;
  assert.deepEqual(body.state, { begun: true, released: true });
});

test("nothing is begun once the signal is aborted", async () => {
  const faulty = faultyStorage(memoryStorage());
  const signal = AbortSignal.abort(new Error("told to stop"));
  const storage = retryingStorage(faulty, { attempts: 3, baseMs: 1, maxMs: 1, signal });
  await assert.rejects(storage.head("a"), { message: "told to stop" });
  await assert.rejects(keysOf(storage.list("")), { message: "told to stop" });
  const body = watched(bytesOf("x"));
  await assert.rejects(storage.put("a", body.bytes), { message: "told to stop" });
  assert.ok(body.state.released);
  assert.deepEqual(faulty.calls, []);
});
