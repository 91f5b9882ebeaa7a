import assert from "node:assert/strict";
import { test } from "node:test";
import { type CodedError, LeaseLostError, SourceError, TransientError } from "../../lib/errors.ts";
import { plan } from "../../lib/plan.ts";
import { aBackup } from "../support/a-backup.ts";

const failure = new SourceError("SOURCE_FORBIDDEN", "the list cannot be read");

/** What planning throws when the source cannot be listed and a look at the lease throws `thrown`. */
async function planned(thrown: CodedError): Promise<unknown> {
  const { backup } = aBackup({
    units: () => {
      throw failure;
    },
  });
  const lease = { ...backup.lease, check: () => Promise.reject(thrown) };
  return plan({ ...backup, lease }, { job: "docs", resume: "never" }).catch((error: unknown) => error);
}

test("why the list failed is told, and not that the lease could not be looked at", async () => {
  assert.equal(await planned(new TransientError("STORAGE_FAILED", "no answer")), failure);
});

test("that the lease is lost is the reason of what failed after it", async () => {
  const lost = new LeaseLostError("another process took over the job");
  assert.equal(await planned(lost), lost);
});
