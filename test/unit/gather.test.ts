import assert from "node:assert/strict";
import { test } from "node:test";
import { gather } from "../../lib/gather.ts";

test("what comes close together is handed on together, in its order", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const taken: (readonly number[])[] = [];
  const { add } = gather<number>({ quietMs: 100, mostMs: 10_000 }, async (all) => {
    taken.push(all);
  });
  add(1);
  t.mock.timers.tick(60);
  add(2);
  t.mock.timers.tick(60);
  assert.deepEqual(taken, []);
  t.mock.timers.tick(60);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(taken, [[1, 2]]);
  add(3);
  t.mock.timers.tick(100);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(taken, [[1, 2], [3]]);
});

test("what never becomes quiet is handed on all the same", async () => {
  const taken: number[] = [];
  const { add } = gather<number>({ quietMs: 60_000, mostMs: 0 }, async (all) => {
    taken.push(...all);
  });
  add(1);
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(taken, [1]);
});

test("what is quiet waits for more that is to come, and no longer than it may", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const taken: (readonly number[])[] = [];
  const coming = { isToCome: true };
  const take = async (all: readonly number[]) => void taken.push(all);
  const more = { isToCome: () => coming.isToCome, mostMs: 60_000 };
  const { add } = gather<number>({ quietMs: 100, mostMs: 1_000, more }, take);
  add(1);
  for (let times = 0; times < 20; times += 1) t.mock.timers.tick(100);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(taken, []);
  add(2);
  coming.isToCome = false;
  t.mock.timers.tick(100);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(taken, [[1, 2]]);
  coming.isToCome = true;
  const bounded = gather<number>({ quietMs: 100, mostMs: 1_000, more: { ...more, mostMs: 0 } }, take);
  bounded.add(3);
  t.mock.timers.tick(100);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(taken.at(-1), [3]);
});

test("what waits for nothing is handed on while others wait, and those of one time together when the first has waited long enough", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const taken: (readonly string[])[] = [];
  const more = { isToCome: (one: string) => one.startsWith("a"), mostMs: 60_000 };
  const { add } = gather<string>({ quietMs: 100, mostMs: 1_000, more }, async (all) => void taken.push(all));
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      now += 100;
      t.mock.timers.tick(100);
    }
    await new Promise((done) => setImmediate(done));
  };
  add("a1");
  await pass(500);
  add("b1");
  add("b2");
  await pass(100);
  assert.deepEqual(taken, [["b1", "b2"]]);
  await pass(30_000);
  add("a2");
  await pass(29_300);
  assert.equal(taken.length, 1);
  await pass(200);
  assert.deepEqual(taken.slice(1), [["a1", "a2"]]);
});

test("side by side, a flush does not wait for what is being taken before it begins", async () => {
  for (const sideBySide of [false, true]) {
    const begun: number[] = [];
    const first = Promise.withResolvers<void>();
    const { add, flush } = gather<number>({ quietMs: 60_000, mostMs: 60_000, sideBySide }, async ([one]) => {
      if (one === undefined) return;
      begun.push(one);
      if (one === 1) await first.promise;
    });
    add(1);
    void flush();
    add(2);
    const all = flush();
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(begun, sideBySide ? [1, 2] : [1]);
    first.resolve();
    await all;
    assert.deepEqual(begun, [1, 2]);
  }
});

test("a flush hands on at once and waits until it was taken", async () => {
  let taken = 0;
  const { add, flush } = gather<number>({ quietMs: 60_000, mostMs: 60_000 }, async (all) => {
    await new Promise((done) => setImmediate(done));
    taken += all.length;
  });
  add(1);
  add(2);
  await flush();
  assert.equal(taken, 2);
  await flush();
  assert.equal(taken, 2);
});
