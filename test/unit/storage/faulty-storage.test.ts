import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { pattern, patternBytes, sha256, watched } from "../../support/bytes.ts";
import { type Fault, faultyStorage } from "../../support/faulty-storage.ts";

const error = new Error("by plan");

async function faulty(...plan: Fault[]) {
  const inner = memoryStorage();
  await inner.put("a", bytesOf(patternBytes(100)));
  return { inner, storage: faultyStorage(inner, plan) };
}

test("a call fails before it takes effect, or after, and the next one works", async () => {
  const { inner, storage } = await faulty(
    { on: "put", call: 1, do: "fail", error, when: "before" },
    { on: "put", call: 2, do: "fail", error, when: "after" },
  );
  const body = watched(bytesOf("1"));
  await assert.rejects(storage.put("b", body.bytes), error);
  assert.ok(body.state.released);
  assert.equal(await inner.head("b"), undefined);
  await assert.rejects(storage.put("b", bytesOf("22")), error);
  assert.deepEqual(await inner.head("b"), { key: "b", bytes: 2 });
  await storage.put("b", bytesOf("333"));
  assert.deepEqual(storage.calls, ["put b", "put b", "put b"]);
});

test("a fault can be bound to a key", async () => {
  const { storage } = await faulty({ on: "head", key: /^b/, do: "fail", error, when: "before" });
  assert.deepEqual(await storage.head("a"), { key: "a", bytes: 100 });
  await assert.rejects(storage.head("b/c"), error);
});

test("a body is cut short, in silence or with an error, or has one bit turned over", async () => {
  const { storage } = await faulty(
    { on: "get", call: 1, do: "cut", afterBytes: 40 },
    { on: "get", call: 2, do: "cut", afterBytes: 40, error },
    { on: "get", call: 3, do: "flip", atByte: 99 },
    { on: "read", key: "lines", do: "end", atByte: 3 },
  );
  const whole = patternBytes(100);
  assert.deepEqual(Buffer.from(await readAll(await storage.get("a"), 200)), Buffer.from(whole.subarray(0, 40)));
  await assert.rejects(readAll(await storage.get("a"), 200), error);
  const flipped = await readAll(await storage.get("a"), 200);
  assert.deepEqual([...flipped].filter((byte, index) => byte !== whole[index]).length, 1);
  await storage.put("lines", bytesOf("one\ntwo\nthree\n"));
  assert.equal(Buffer.from((await storage.read("lines", 200)).content).toString(), "one\n");
  assert.deepEqual(Buffer.from(await readAll(await storage.get("a"), 200)), Buffer.from(whole));
});

test("a body that is stored is choked, or changed or lost after it was confirmed", async () => {
  const { inner, storage } = await faulty(
    { on: "put", call: 1, do: "choke", afterBytes: 40, error },
    { on: "put", call: 2, do: "flip", atByte: 250 },
    { on: "put", call: 3, do: "vanish" },
  );
  const body = watched(pattern(100, { size: 30 }));
  await assert.rejects(storage.put("b", body.bytes), error);
  assert.ok(body.state.released);
  assert.equal(await inner.head("b"), undefined);
  const whole = patternBytes(100);
  assert.equal((await storage.put("b", bytesOf(whole))).sha256, sha256(whole));
  const stored = await readAll(await inner.get("b"), 200);
  assert.deepEqual(
    [...stored.keys()].filter((index) => stored[index] !== whole[index]),
    [50],
  );
  assert.equal((await storage.put("c", bytesOf(whole))).bytes, 100);
  assert.equal(await inner.head("c"), undefined);
});

test("a copy is changed, and not confirmed, or lost after it was made", async () => {
  const { inner, storage } = await faulty(
    { on: "copy", call: 1, do: "flip", atByte: 250 },
    { on: "copy", call: 2, do: "vanish" },
  );
  const whole = patternBytes(100);
  assert.deepEqual(await storage.copy("a", "b"), { key: "b", bytes: 100, unconfirmed: true });
  const copied = await readAll(await inner.get("b"), 200);
  assert.deepEqual(
    [...copied.keys()].filter((index) => copied[index] !== whole[index]),
    [50],
  );
  assert.deepEqual([...storage.rotten], ["b"]);
  assert.deepEqual(Buffer.from(await readAll(await inner.get("a"), 200)), Buffer.from(whole));
  assert.deepEqual(await storage.copy("a", "c"), { key: "c", bytes: 100 });
  assert.equal(await inner.head("c"), undefined);
});

test("a stale listing shows the storage as it was before this process changed it", async () => {
  const { storage } = await faulty({ on: "list", from: 2, do: "stale" }, { on: "folders", from: 2, do: "stale" });
  const keys = async (prefix: string) => (await Array.fromAsync(storage.list(prefix))).map(({ key }) => key);
  const names = () => Array.fromAsync(storage.folders(""));
  await storage.put("new/b", bytesOf("1"));
  await storage.copy("a", "new/c");
  await storage.remove(["a", "new/c", "absent"]);
  assert.deepEqual([await keys(""), await names()], [["new/b"], ["new"]]);
  assert.deepEqual([await keys(""), await names()], [["a"], []]);
  assert.deepEqual([await keys("n"), await names()], [[], []]);
});

test("a listing breaks after so many entries", async () => {
  const { storage } = await faulty({ on: "list", do: "break", afterEntries: 1, error });
  const seen: string[] = [];
  const listing = async () => {
    for await (const object of storage.list("")) seen.push(object.key);
  };
  await assert.rejects(listing(), error);
  assert.deepEqual(seen, ["a"]);
});

test("a call waits until it is let go on", async () => {
  const gate = Promise.withResolvers<void>();
  const { storage } = await faulty({ on: "head", do: "wait", until: () => gate.promise });
  let answered = false;
  const answer = storage.head("a").then(() => {
    answered = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  gate.resolve();
  await answer;
  assert.equal(answered, true);
});
