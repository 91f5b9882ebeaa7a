import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { readCheckpoint, writeCheckpoint } from "../../lib/checkpoint.ts";
import { checkpointKey } from "../../lib/keys.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";

const pointer = { job: "docs", snapshot: "2026-11-22T030000Z", run: "one", resumed: 0 };

test("what a unit noted is there for the same run, also once that was taken up again, and the last one counts", async () => {
  const storage = memoryStorage();
  assert.equal(await readCheckpoint(storage, pointer, 3), undefined);
  await writeCheckpoint(storage, pointer, 3, { ids: [1] });
  const again = { ...pointer, resumed: 2 };
  assert.deepEqual(await readCheckpoint(storage, again, 3), { ids: [1] });
  await writeCheckpoint(storage, again, 3, { ids: [1, 2] });
  assert.deepEqual(await readCheckpoint(storage, again, 3), { ids: [1, 2] });
  assert.deepEqual(await readCheckpoint(storage, pointer, 3), { ids: [1] });
  assert.equal(await readCheckpoint(storage, again, 4), undefined);
  assert.equal(await readCheckpoint(storage, { ...pointer, run: "another" }, 3), undefined);
});

test("one that is damaged is as good as none", async () => {
  const storage = memoryStorage();
  await writeCheckpoint(storage, pointer, 0, { ids: [1] });
  const key = checkpointKey(pointer.job, pointer.snapshot, 0, 0);
  const { content } = await storage.read(key, 1e6);
  await storage.put(key, bytesOf(Buffer.from(content).toString().replace("[1]", "[2]")));
  assert.equal(await readCheckpoint(storage, pointer, 0), undefined);
  await storage.put(key, bytesOf("{"));
  assert.equal(await readCheckpoint(storage, pointer, 0), undefined);
});

test("one that is too long is as good as none, and takes the place of the one before", async () => {
  const storage = memoryStorage();
  const mebibyte = Buffer.alloc(1024 * 1024, " ");
  const get = async () => Readable.from(Array(257).fill(mebibyte));
  assert.equal(await readCheckpoint({ ...storage, get }, pointer, 0), undefined);
  await writeCheckpoint(storage, pointer, 0, { ids: [1] });
  const tooLong = {
    toJSON() {
      // As V8 says it.
      throw new RangeError("Invalid string length");
    },
  };
  await writeCheckpoint(storage, pointer, 0, tooLong);
  assert.equal(await readCheckpoint(storage, pointer, 0), undefined);
});
