import assert from "node:assert/strict";
import { test } from "node:test";
import { interleave } from "../../../../lib/connectors/mongodb/interleave.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("every piece of every source comes, in each source's order, then its end", async () => {
  const found = new Map<number, (number | undefined)[]>();
  for await (const { source, piece } of interleave([3, 0, 5, 1], 2, count)) {
    found.set(source, [...(found.get(source) ?? []), piece]);
  }
  assert.deepEqual(Object.fromEntries(found), {
    0: [undefined],
    1: [0, undefined],
    3: [0, 1, 2, undefined],
    5: [0, 1, 2, 3, 4, undefined],
  });
});

test("no more sources are open at once than the limit, those whose end was not taken yet included", async () => {
  let [open, most] = [0, 0];
  for await (const { source, piece } of interleave([1, 2, 3, 4, 5, 6], 3, opened)) {
    await turn();
    if (piece === undefined && source > 0) open -= 1;
  }
  assert.deepEqual([open, most], [0, 3]);

  async function* opened(source: number): AsyncGenerator<number, undefined> {
    open += 1;
    most = Math.max(most, open);
    yield* count(source);
    return undefined;
  }
});

test("a source is one piece ahead of its reader and no further", async () => {
  let made = 0;
  let taken = 0;
  async function* source(): AsyncGenerator<number, undefined> {
    for (; made < 20; made += 1) yield made;
    return undefined;
  }
  for await (const { piece } of interleave([1], 1, source)) {
    await turn();
    if (piece === undefined) break;
    taken += 1;
    assert.ok(made <= taken + 1, `${made} were made when ${taken} were taken`);
  }
  assert.equal(taken, 20);
});

test("stopping early aborts the signal of what is under way, and ends all sources", async () => {
  const ended: number[] = [];
  for await (const _ of interleave([1, 2, 3], 2, waiting)) break;
  assert.deepEqual(
    ended.sort((a, b) => a - b),
    [1, 2],
  );

  async function* waiting(source: number, signal: AbortSignal): AsyncGenerator<number, undefined> {
    try {
      if (source === 1) yield 1;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    } finally {
      ended.push(source);
    }
    return undefined;
  }
});

test("a source that fails ends all with its error", async () => {
  const fault = new Error("the source broke");
  async function* broken(source: number): AsyncGenerator<number, undefined> {
    yield source;
    if (source === 2) throw fault;
    yield source;
    return undefined;
  }
  await assert.rejects(Array.fromAsync(interleave([1, 2, 3], 3, broken)), (error) => error === fault);
});

async function* count(until: number): AsyncGenerator<number, undefined> {
  for (let n = 0; n < until; n += 1) {
    if (until % 2 === 1) await turn();
    yield n;
  }
  return undefined;
}
