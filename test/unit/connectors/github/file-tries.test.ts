import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../../lib/bytes.ts";
import { fileItem } from "../../../../lib/connectors/github/file-item.ts";
import { fileTries } from "../../../../lib/connectors/github/file-tries.ts";
import { SourceError, TransientError } from "../../../../lib/errors.ts";
import { never } from "../../../contract/connector.ts";

const busy = (retryAfterMs = 0) => new TransientError("SOURCE_UNAVAILABLE", "busy", { retryAfterMs });

function someTries() {
  const waits: number[] = [];
  const tries = fileTries({
    attempts: 4,
    baseMs: 1_000,
    maxMs: 60_000,
    signal: never(),
    random: () => 1,
    sleep: async (ms) => void waits.push(ms),
    unless: ({ code }) => code.startsWith("STORAGE_"),
  });
  let calls = 0;
  return {
    tries,
    waits,
    calls: () => calls,
    /** Fails so often, and then comes. */
    call: (times: number, error: Error = busy()) => {
      let left = times;
      return tries.call(async () => {
        calls += 1;
        left -= 1;
        if (left >= 0) throw error;
        return "it";
      });
    },
  };
}

test("a fault that passes is waited out, and what the server asks for comes on top of the back-off", async () => {
  const { call, waits } = someTries();
  assert.equal(await call(2, busy(5_000)), "it");
  assert.deepEqual(waits, [6_000, 7_000]);
});

test("an item is yielded again after a wait, until whoever takes it has it", async () => {
  const { tries, waits } = someTries();
  const item = fileItem({
    name: "a.bin",
    what: "it",
    bytes: undefined,
    sha256: undefined,
    facts: {},
    unchanged: false,
    open: () => bytesOf("it"),
  });
  const items = tries.item(item);
  assert.equal((await items.next()).value, item);
  assert.equal((await items.throw(busy(2_000))).value, item);
  assert.deepEqual(waits, [3_000]);
  assert.equal((await items.next()).done, true);
  await assert.rejects(async () => {
    const others = tries.item(item);
    await others.next();
    await others.throw(new SourceError("SOURCE_CORRUPT", "damaged"));
  }, /damaged/);
});

test("neither a last word nor a storage's fault is tried again", async () => {
  for (const error of [new SourceError("SOURCE_CORRUPT", "damaged"), new TransientError("STORAGE_FAILED", "full")]) {
    const { call, calls } = someTries();
    await assert.rejects(call(1, error), error);
    assert.equal(calls(), 1);
  }
});

test("where one file after the other does not come, the next ones are asked for once each, until one comes", async () => {
  const { call, calls, waits } = someTries();
  for (const _ of [1, 2, 3]) await assert.rejects(call(9), /busy/);
  assert.deepEqual([calls(), waits.length], [12, 9]);
  for (const _ of [4, 5]) await assert.rejects(call(9), /busy/);
  assert.deepEqual([calls(), waits.length], [14, 9]);
  await call(0);
  assert.equal(await call(1), "it");
  assert.equal(waits.length, 10);
});
