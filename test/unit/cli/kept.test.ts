import assert from "node:assert/strict";
import { test } from "node:test";
import { kept } from "../../../cli/kept.ts";

test("it is made once for all who ask within the time, again after it, and again at once after a failure", async () => {
  let time = 0;
  let made = 0;
  let fails = false;
  const ask = kept(
    1_000,
    () => new Date(time),
    async () => {
      made += 1;
      if (fails) throw new Error("failed");
      return made;
    },
  );
  assert.deepEqual(await Promise.all([ask(), ask()]), [1, 1]);
  time = 999;
  assert.equal(await ask(), 1);
  time = 1_000;
  fails = true;
  await assert.rejects(ask());
  fails = false;
  assert.equal(await ask(), 3);
});
