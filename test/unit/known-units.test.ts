import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceError } from "../../lib/errors.ts";
import { runJobs } from "../../lib/run.ts";
import { aBackup } from "../support/a-backup.ts";

test("a unit that fails for longer than a month still goes on from the newest good snapshot", async () => {
  let isBroken = false;
  const seen: (string | undefined)[] = [];
  const a = aBackup({
    units: () => [
      {
        id: "app",
        items: { "a.json": "one" },
        before: async (_, { previous }) => void seen.push(previous?.snapshot),
        fails: () => (isBroken ? new SourceError("SOURCE_FORBIDDEN", "the right was lost") : undefined),
      },
    ],
  });
  const night = async () => {
    const [result] = (await runJobs(a.backup, ["docs"])).jobs;
    a.later(60);
    return result;
  };
  const good = await night();
  assert.equal(good?.status, "ok");
  isBroken = true;
  for (let n = 0; n < 33; n += 1) await night();
  assert.equal(seen.length, 34);
  assert.deepEqual([...new Set(seen.slice(1))], [good?.snapshot]);
});
