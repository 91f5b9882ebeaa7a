import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { overview } from "../../../lib/overview/overview.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const WITHIN_MS = 60_000;

test("what a storage does not say in time is shown as that, and nothing more is asked of it", async (t) => {
  const a = aBackup({ jobs: [aJob({ name: "lost", target_storage: "dead" }), aJob()] });
  await runJobs(a.backup, ["docs"]);
  let asked = 0;
  const hang = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const dead = { ...memoryStorage(), read: hang, head: hang, get: hang };
  const storage: typeof a.backup.storage = async ({ target_storage: name }) => (name === "dead" ? dead : a.storage);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const time = t.mock.method(performance, "now", () => 0);
  const looking = overview({ ...a.backup, storage }, a.backup.config.jobs, { withinMs: WITHIN_MS });
  for (let turns = 0; turns < 200; turns += 1) await turn();
  time.mock.mockImplementation(() => WITHIN_MS);
  t.mock.timers.tick(WITHIN_MS);
  const { jobs } = await looking;
  assert.deepEqual(
    jobs.map(({ job, ok, snapshots }) => [job, ok, snapshots]),
    [
      ["lost", false, 0],
      ["docs", true, 1],
    ],
  );
  assert.equal(asked, 1);
});
