import assert from "node:assert/strict";
import { test } from "node:test";
import { filePatience, patience, shortPatience } from "../../../../lib/connectors/github/patience.ts";
import { TransientError } from "../../../../lib/errors.ts";

const busy = (retryAfterMs: number, code: "SOURCE_UNAVAILABLE" | "STORAGE_FAILED" = "SOURCE_UNAVAILABLE") =>
  new TransientError(code, "busy", { retryAfterMs });

function someWaiting(waits: "here" | "elsewhere" = "elsewhere") {
  const stop = new Error("told to stop");
  const deferred: number[] = [];
  const context = {
    // A wait here ends at once with this.
    signal: AbortSignal.abort(stop),
    defer: async (until: Date) => void deferred.push(until.getTime()),
    waits,
  };
  return { stop, deferred, work: { session: { api: { now: () => new Date(1_000) } }, context } };
}

test("a long wait for a kind is the run's to arrange, a short one is waited here", async () => {
  const { stop, deferred, work } = someWaiting();
  const { sleep, signal } = patience(work);
  await sleep?.(61_000, signal);
  assert.deepEqual(deferred, [62_000]);
  await assert.rejects(async () => sleep?.(60_000, signal), stop);
});

test("a file is not waited for longer than a minute and the back-off, and never by ending the unit", async () => {
  const { stop, deferred, work } = someWaiting();
  const { unless, sleep, signal } = filePatience(work);
  assert.deepEqual(
    [60_000, 60_001].map((ms) => unless?.(busy(ms))),
    [false, true],
  );
  assert.equal(unless?.(busy(0, "STORAGE_FAILED")), true);
  await assert.rejects(async () => sleep?.(68_000, signal), stop);
  assert.deepEqual(deferred, []);
});

test("at a desk a file is waited for up to a quarter of an hour and the back-off, but for one that nothing fails for", async () => {
  const { stop, deferred, work } = someWaiting("here");
  const { unless, sleep, signal } = filePatience(work);
  assert.deepEqual(
    [900_000, 900_001].map((ms) => unless?.(busy(ms))),
    [false, true],
  );
  await sleep?.(120_000, signal);
  assert.deepEqual(deferred, [121_000]);
  await assert.rejects(async () => sleep?.(60_000, signal), stop);
  assert.equal(shortPatience(work).unless?.(busy(60_001)), true);
});

test("at a desk all files of a unit are waited for two hours together", async () => {
  const { deferred, work } = someWaiting("here");
  const signal = new AbortController().signal;
  for (let waits = 0; waits < 7; waits += 1) {
    const { unless, sleep } = filePatience(work);
    assert.equal(unless?.(busy(900_000)), false);
    await sleep?.(900_001, signal);
  }
  const { unless } = filePatience(work);
  assert.deepEqual(
    [899_993, 899_994, 60_000].map((ms) => unless?.(busy(ms))),
    [false, true, false],
  );
  assert.equal(deferred.length, 7);
  assert.equal(filePatience(someWaiting("here").work).unless?.(busy(900_000)), false);
});
