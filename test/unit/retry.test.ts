import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError, TransientError } from "../../lib/errors.ts";
import { type RetryOptions, retry } from "../../lib/retry.ts";

const passing = (message: string, retryAfterMs = 0) =>
  new TransientError("SOURCE_UNAVAILABLE", message, { retryAfterMs });

function recorded(overrides: Partial<RetryOptions> = {}) {
  const waits: number[] = [];
  const options: RetryOptions = {
    attempts: 4,
    baseMs: 100,
    maxMs: 250,
    signal: new AbortController().signal,
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms);
    },
    ...overrides,
  };
  return { waits, options };
}

test("work that succeeds is called once and waits for nothing", async () => {
  const { waits, options } = recorded();
  const calls: number[] = [];
  assert.equal(await retry(async (attempt) => calls.push(attempt), options), 1);
  assert.deepEqual({ calls, waits }, { calls: [1], waits: [] });
});

test("a transient fault is tried again, with waits that double up to the longest", async () => {
  const { waits, options } = recorded();
  const answer = await retry(async (attempt) => {
    if (attempt < 4) throw passing(`attempt ${attempt}`);
    return attempt;
  }, options);
  assert.equal(answer, 4);
  assert.deepEqual(waits, [50, 100, 125]);
});

test("after the last attempt the last error is thrown", async () => {
  const { waits, options } = recorded();
  const work = async (attempt: number) => {
    throw passing(`attempt ${attempt}`);
  };
  await assert.rejects(retry(work, options), { name: "TransientError", message: "attempt 4" });
  assert.equal(waits.length, 3);
});

test("an error that is not transient is thrown at once", async () => {
  const { waits, options } = recorded();
  let calls = 0;
  const work = async () => {
    calls += 1;
    throw new StorageError("STORAGE_FULL", "full");
  };
  await assert.rejects(retry(work, options), { code: "STORAGE_FULL" });
  assert.deepEqual({ calls, waits }, { calls: 1, waits: [] });
});

test("jitter spans from no wait to the whole back-off", async () => {
  for (const [random, wait] of [
    [0, 0],
    [0.999, 99],
  ] as const) {
    const { waits, options } = recorded({ random: () => random, attempts: 2 });
    await assert.rejects(retry(() => Promise.reject(passing("busy")), options));
    assert.deepEqual(waits, [wait]);
  }
});

test("the wait that the other side asks for is the least, even beyond the longest of our own", async () => {
  const { waits, options } = recorded({ attempts: 2 });
  await assert.rejects(retry(() => Promise.reject(passing("slow down", 60_000)), options));
  assert.deepEqual(waits, [60_050]);
});

test("onRetry hears of each failure that is tried again, and not of the last", async () => {
  const heard: string[] = [];
  const { options } = recorded({
    attempts: 3,
    onRetry: ({ attempt, waitMs, error }) => heard.push(`${attempt} ${waitMs} ${error.message}`),
  });
  await assert.rejects(retry((attempt) => Promise.reject(passing(`fault ${attempt}`)), options));
  assert.deepEqual(heard, ["1 50 fault 1", "2 100 fault 2"]);
});

test("aborting ends the wait with the signal's own reason", async () => {
  const stop = new AbortController();
  const options: RetryOptions = {
    attempts: 5,
    baseMs: 3_600_000,
    maxMs: 3_600_000,
    random: () => 1,
    signal: stop.signal,
    onRetry: () => queueMicrotask(() => stop.abort(new Error("told to stop"))),
  };
  await assert.rejects(
    retry(() => Promise.reject(passing("busy")), options),
    { message: "told to stop" },
  );
});

test("a signal that is aborted already means that nothing is called", async () => {
  const { options } = recorded({ signal: AbortSignal.abort(new Error("told to stop")) });
  let calls = 0;
  const work = async () => {
    calls += 1;
  };
  await assert.rejects(retry(work, options), { message: "told to stop" });
  assert.equal(calls, 0);
});
