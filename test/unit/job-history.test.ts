import assert from "node:assert/strict";
import { test } from "node:test";
import { openEncryption } from "../../lib/encryption/all.ts";
import { jobHistory, provedWhen } from "../../lib/job-history.ts";
import { runJobs } from "../../lib/run.ts";
import { findChosen } from "../../lib/snapshots.ts";
import { aBackup } from "../support/a-backup.ts";

const RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

test("what is sealed was not proved, but everything was done that can be done without a private key", async () => {
  const encryption = await openEncryption(
    { type: "age", recipients: [RECIPIENT] },
    { secrets: { resolve: () => Promise.reject(new Error("none")) }, signal: new AbortController().signal },
  );
  const a = aBackup({ encryption: () => encryption });
  assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
  const { provedAt } = await jobHistory(a.storage, "docs", { proof: true, now: a.clock.time });
  assert.equal(provedAt, undefined);
  const entry = await findChosen(a.storage, "docs", "latest", a.clock.time);
  assert.equal(provedWhen(entry), undefined);
  assert.deepEqual(provedWhen(entry, { orSealed: true }), a.clock.time);
});
