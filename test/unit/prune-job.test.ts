import assert from "node:assert/strict";
import { test } from "node:test";
import { StorageError } from "../../lib/errors.ts";
import { acquireLease } from "../../lib/lease/acquire-lease.ts";
import { pruneJob } from "../../lib/prune-job.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aBackup, aJob } from "../support/a-backup.ts";

const options = { waitMs: 0, begin: () => {} };

test("a prune clears away what others have in the making, also where who took the job before gave it back without having done so", async () => {
  const cleared: (string | undefined)[] = [];
  let fault: Error | undefined;
  const storage: Storage = {
    ...memoryStorage(),
    prepare: async (owned) => {
      cleared.push(owned);
      if (fault !== undefined) throw fault;
    },
  };
  const { backup } = aBackup({ storage });
  await (await acquireLease(storage, "docs", { purpose: "run", processBound: true, waitMs: 0 }, backup)).release();

  fault = new StorageError("STORAGE_FAILED", "no answer");
  await assert.rejects(pruneJob(backup, aJob(), options), fault);
  fault = undefined;
  await pruneJob(backup, aJob(), options);
  assert.deepEqual(cleared, ["docs/", "docs/"]);

  // Where there is no room prune is what makes some.
  fault = new StorageError("STORAGE_FULL", "no room");
  await pruneJob(backup, aJob(), options);
});
