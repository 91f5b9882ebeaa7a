import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { planKey } from "../../lib/keys.ts";
import { begunListing, writeListing } from "../../lib/listing.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { aJob } from "../support/a-backup.ts";

const SNAPSHOT = "2026-11-22T030000Z";

test("a listing that is too long is as good as none", async () => {
  const storage = memoryStorage();
  const of = { execution: "arn:one", only: undefined };
  const look = (at = storage) =>
    begunListing({ now: () => new Date("2026-11-22T04:00:00Z") }, aJob(), at, of).then((found) => found?.notes);
  await storage.put(planKey("docs", SNAPSHOT), bytesOf(""));
  await writeListing(storage, aJob(), SNAPSHOT, { ...of, units: 0, notes: "some" });
  assert.equal(await look(), "some");
  const mebibyte = Buffer.alloc(1024 * 1024, " ");
  assert.equal(await look({ ...storage, get: async () => Readable.from(Array(257).fill(mebibyte)) }), undefined);
});
