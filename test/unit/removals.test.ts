import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { readRemovals } from "../../lib/removals.ts";
import { runJobs } from "../../lib/run.ts";
import { aBackup } from "../support/a-backup.ts";

test("what is no snapshot's id in the record of removals is passed over, and no run fails for it", async () => {
  const a = aBackup({ units: () => [{ id: "u", items: { "a.json": "a" } }] });
  const run = async () => (await runJobs(a.backup, ["docs"])).status;
  await run();
  const gone = "2026-11-20T030000Z";
  const ids = [gone, "2026-11,21T030000Z", "../2026"];
  const record = { schemaVersion: 1, job: "docs", since: "2026-11-19T03:00:00.000Z", removed: ids, unnamed: ids };
  await a.storage.put("docs/.removals.json", bytesOf(JSON.stringify(record)));
  const { removed, unnamed, since } = await readRemovals(a.storage, "docs");
  assert.deepEqual([[...removed], unnamed, since?.toISOString()], [[gone], [gone], record.since]);
  a.later(86_400);
  assert.equal(await run(), "ok");
});
