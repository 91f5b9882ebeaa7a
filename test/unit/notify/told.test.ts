import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { changeTold, nothingTold, readTold } from "../../../lib/notify/told.ts";
import { readRemovals, recordRemoval } from "../../../lib/removals.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";

const since = "2026-11-26T03:00:00.000Z";

test("what two processes change at the same time is both kept", async () => {
  const storage = memoryStorage();
  const names = ["a", "b", "c", "d", "e", "f"];
  const failure = (notifier: string) => ({ notifier, at: since, message: "gone" });
  await Promise.all(
    names.map((name) =>
      changeTold(storage, "docs", (told) => ({ ...told, undelivered: [...told.undelivered, failure(name)] })),
    ),
  );
  const { undelivered } = await readTold(storage, "docs");
  assert.deepEqual(undelivered.map(({ notifier }) => notifier).sort(), names);
});

test("a change that changes nothing writes nothing", async () => {
  const storage = memoryStorage();
  await changeTold(storage, "docs", (told) => ({ ...told }));
  assert.equal(await storage.head("docs/.told.json"), undefined);
});

test("one that is damaged, or of another job, counts as none and is written anew", async () => {
  for (const text of ["{", "{}", JSON.stringify({ ...nothingTold("other"), failing: { since, runs: 3 } })]) {
    const storage = memoryStorage();
    await storage.put("docs/.told.json", bytesOf(text));
    assert.deepEqual(await readTold(storage, "docs"), nothingTold("docs"));
    await changeTold(storage, "docs", (told) => ({ ...told, failing: { since, runs: 1 } }));
    assert.deepEqual((await readTold(storage, "docs")).failing, { since, runs: 1 });
  }
});

test("one that another version wrote counts as none and stays; so does prune's record", async () => {
  const storage = memoryStorage();
  for (const key of ["docs/.told.json", "docs/.removals.json"]) {
    await storage.put(key, bytesOf('{"schemaVersion": 2, "job": "docs"}'));
    const before = await storage.read(key, 1000);
    const changing = key.includes("told")
      ? changeTold(storage, "docs", (told) => ({ ...told, failing: { since, runs: 1 } }))
      : recordRemoval(storage, "docs", "2026-11-22T030000Z", () => true);
    await assert.rejects(changing, { code: "VERSION_UNKNOWN", message: /it stays as it is until it can be read/ });
    assert.deepEqual(await storage.read(key, 1000), before);
  }
  assert.deepEqual(await readTold(storage, "docs"), nothingTold("docs"));
  assert.deepEqual([...(await readRemovals(storage, "docs")).removed], []);
});
