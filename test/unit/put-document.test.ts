import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { TransientError } from "../../lib/errors.ts";
import { putDocument } from "../../lib/put-document.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { retryingStorage } from "../../lib/storage/retrying.ts";
import { faultyStorage } from "../support/faulty-storage.ts";

const lostReply = {
  do: "fail",
  error: new TransientError("STORAGE_FAILED", "the reply was lost"),
  when: "after",
} as const;
const content = (text: string) => new TextEncoder().encode(text);

test("a reply that was lost after success is no failure, with either condition", async () => {
  const inner = memoryStorage();
  const storage = faultyStorage(inner, [
    { on: "put", ...lostReply, call: 1 },
    { on: "put", ...lostReply, call: 3 },
  ]);
  const version = await putDocument(storage, "a", content("one"), { ifAbsent: true });
  const next = await putDocument(storage, "a", content("two"), { ifMatch: version });
  assert.equal((await inner.read("a", 10)).version, next);
  assert.deepEqual(storage.calls, ["put a", "put a", "read a", "put a", "put a", "read a"]);
});

test("another one's document under a condition stays, and the condition's error is thrown", async () => {
  const inner = memoryStorage();
  const { version } = await inner.put("a", bytesOf("one"));
  await inner.put("a", bytesOf("other"));
  // Also where the first attempt's fate is not known.
  const storage = faultyStorage(inner, [{ on: "put", ...lostReply, call: 1 }]);
  await assert.rejects(putDocument(storage, "a", content("mine"), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
  await assert.rejects(putDocument(storage, "a", content("m"), { ifMatch: version }), { code: "STORAGE_CHANGED" });
  await assert.rejects(putDocument(storage, "b", content("m"), { ifMatch: version }), { code: "STORAGE_CHANGED" });
  assert.equal(Buffer.from((await inner.read("a", 10)).content).toString(), "other");
});

test("what the storage has tried to the end by itself is not tried again around it", async () => {
  const refused = {
    on: "put",
    do: "fail",
    when: "before",
    error: new TransientError("STORAGE_FAILED", "down"),
  } as const;
  const storage = faultyStorage(
    memoryStorage(),
    [1, 2, 3, 4].map((call) => ({ ...refused, call })),
  );
  const options = { attempts: 3, baseMs: 0, maxMs: 0, signal: new AbortController().signal };
  await assert.rejects(putDocument(retryingStorage(storage, options), "a", content("one")), { message: "down" });
  assert.deepEqual(storage.calls, ["put a", "put a", "put a"]);
});
