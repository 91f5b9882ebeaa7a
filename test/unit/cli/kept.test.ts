import assert from "node:assert/strict";
import { test } from "node:test";
import { kept } from "../../../cli/kept.ts";

/** What is kept is the number of the making; `end` ends the one that goes on. */
function aMaker(usableMs?: number) {
  const endings: (() => void)[] = [];
  const failures: unknown[] = [];
  const of = { time: 0, made: 0, fails: false, failures };
  const options = { freshMs: 1_000, failed: (error: unknown) => failures.push(String(error)) };
  const { ask, look } = kept(
    usableMs === undefined ? options : { ...options, usableMs },
    () => new Date(of.time),
    make,
  );
  return { of, ask, look, end: () => endings.shift()?.() };

  async function make(): Promise<number> {
    of.made += 1;
    const { made, fails } = of;
    await new Promise<void>((ended) => endings.push(ended));
    if (fails) throw new Error(`failed ${made}`);
    return made;
  }
}

test("it is made once for all who ask within the time, again after it, and again at once after a failure", async () => {
  const { of, ask, end } = aMaker();
  const first = [ask(), ask()];
  end();
  assert.deepEqual(await Promise.all(first), [1, 1]);
  of.time = 999;
  assert.equal(await ask(), 1);
  of.time = 1_000;
  of.fails = true;
  const second = ask();
  end();
  await assert.rejects(second, /failed 2/);
  of.fails = false;
  const third = ask();
  end();
  assert.equal(await third, 3);
});

test("while it can be used, the last one is answered at once, and one newer is made at a time", async () => {
  const { of, ask, end } = aMaker(60_000);
  const first = ask();
  end();
  assert.equal(await first, 1);
  of.time = 59_999;
  assert.deepEqual([await ask(), await ask()], [1, 1]);
  assert.equal(of.made, 2);
  end();
  await settled();
  assert.equal(await ask(), 2);
  assert.equal(of.made, 2);

  of.time = 70_000;
  of.fails = true;
  assert.equal(await ask(), 2);
  end();
  await settled();
  of.fails = false;
  const next = ask();
  assert.equal(of.made, 4);
  end();
  assert.equal(await next, 4, "an old one was shown though no newer one could be made");
  assert.equal(await ask(), 4);
});

test("one that is never made is given up: who waits is told, and the next who asks has it tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { of, ask } = aMaker();
  const hanging = ask();
  t.mock.timers.tick(15 * 60_000);
  // So long it is let go on, once it is over.
  t.mock.timers.tick(1);
  await assert.rejects(hanging, { name: "TransientError", message: /has not answered within 15 minutes/ });
  void ask();
  assert.equal(of.made, 2);
});

test("who asks when the last one is too old waits, also for one that others were not made to wait for", async () => {
  const { of, ask, end } = aMaker(60_000);
  const first = ask();
  end();
  await first;
  of.time = 30_000;
  assert.equal(await ask(), 1);
  of.time = 60_000;
  const late = ask();
  of.time = -60_000;
  const earlier = ask();
  end();
  assert.deepEqual(await Promise.all([late, earlier]), [2, 2]);
});

test("a look never waits: it tells what there is, since when a newer one is made, and when that failed", async () => {
  const { of, look, end } = aMaker();
  assert.deepEqual([look(), look(), of.made], [{ making: { since: 0 } }, { making: { since: 0 } }, 1]);
  of.time = 5_000;
  end();
  await settled();
  assert.equal(of.made, 1);
  const first = { at: 0, answer: 1 };
  of.time = 5_999;
  assert.deepEqual([look(), of.made], [{ last: first }, 1], "who came back for it had the next one made");
  of.fails = true;
  of.time = 6_000;
  assert.deepEqual(look(), { last: first, making: { since: 6_000, lastTookMs: 5_000 } });

  of.time = 7_000;
  end();
  await settled();
  of.time = 7_999;
  assert.deepEqual([look(), of.made], [{ last: first, failedAt: 7_000 }, 2], "what failed was tried again at once");
  of.fails = false;
  of.time = 8_000;
  assert.deepEqual(look(), { last: first, making: { since: 8_000, lastTookMs: 5_000 }, failedAt: 7_000 });
  end();
  await settled();
  assert.deepEqual(look(), { last: { at: 8_000, answer: 3 } });
  assert.deepEqual(of.failures, ["Error: failed 2"]);
});

const settled = () => new Promise((done) => setImmediate(done));
