import assert from "node:assert/strict";
import { test } from "node:test";
import { createSlots } from "../../../lib/scheduling/slots.ts";

const settled = () => new Promise((done) => setImmediate(done));

test("no more than so many at once, in their order, also after one that fails", async () => {
  const slots = createSlots(2);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const all = [0, 1, 2, 3].map((n) =>
    slots.take(async () => {
      begun.push(n);
      await new Promise<void>((done) => ends.push(done));
      if (n === 0) throw new Error("failed");
      return n;
    }),
  );
  const results = Promise.allSettled(all);
  await settled();
  assert.deepEqual(begun, [0, 1]);
  ends[0]?.();
  await settled();
  assert.deepEqual(begun, [0, 1, 2]);
  slots.resize(3);
  await settled();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  for (const end of ends) end();
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled", "fulfilled"],
  );
});

test("fewer of them hold from the next one on", async () => {
  const slots = createSlots(2);
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await settled();
    running -= 1;
  };
  slots.resize(1);
  await Promise.all([1, 2, 3].map(() => slots.take(work)));
  assert.equal(most, 1);
});
