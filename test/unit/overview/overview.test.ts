import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { overview } from "../../../lib/overview/overview.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { surveyJob } from "../../../lib/survey-job.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { aSlowSource } from "../../support/a-slow-source.ts";

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

test("a run whose listing waited for its source is one run, and while it waits none that was stopped", async () => {
  const jobs = [aJob({ schedule: "0 3 * * *" })];
  const { a, planned } = aSlowSource(() => ({ notes: null, units: ["a"] }), { jobs });
  const shown = async () => (await overview(a.backup, a.backup.config.jobs)).jobs[0];
  assert.ok("resumeAt" in (await planned()));
  a.later(3_600);
  const waiting = await shown();
  assert.deepEqual([waiting?.runs, waiting?.days.at(-1)?.state], [[], "none"]);
  assert.deepEqual(waiting?.notices, ["was never run; one is due by 2026-11-23T15:00:00.000Z"]);
  assert.deepEqual((await surveyJob(a.storage, "docs", a.clock.time)).since, []);
  const { jobs: ran } = await runJobs({ ...a.backup, waits: "here" }, ["docs"]);
  assert.equal(ran[0]?.status, "ok");
  const ended = await shown();
  assert.deepEqual([ended?.runs.length, ended?.days.at(-1)?.state], [1, "proved"]);
});
