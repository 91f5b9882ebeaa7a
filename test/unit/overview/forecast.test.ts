import assert from "node:assert/strict";
import { test } from "node:test";
import { withMode } from "../../../lib/config/retention-options.ts";
import type { Job } from "../../../lib/config/schema.ts";
import { overview } from "../../../lib/overview/overview.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

const RUNS_BEFORE = 6;
/** More than a forecast looks ahead. */
const RUNS_AFTER = 20;

const cases: readonly { readonly rules: Partial<Job["retention"]>; readonly job?: Partial<Job> }[] = [
  { rules: { keep_last: 9 } },
  { rules: { keep_daily: 8 } },
  { rules: { keep_days: 10 } },
  { rules: { keep_daily: 7, keep_weekly: 2 } },
  { rules: { keep_weekly: 1, keep_last: 7 }, job: { schedule: "30 4 * * 1-5", timezone: "America/New_York" } },
  { rules: { keep_daily: 4, min_keep: 9 }, job: { schedule: "0 */12 * * *" } },
];

for (const { rules, job = {} } of cases) {
  test(`what prune is forecast to remove next it removes then, and nothing before: ${JSON.stringify(rules)}`, async () => {
    const retention = withMode({ min_keep: 1, max_removals: 10, ...rules });
    const a = aBackup({ jobs: [aJob({ schedule: "0 3 * * *", ...job, retention })] });
    const run = async () => {
      const { jobs } = await runJobs(a.backup, ["docs"]);
      assert.equal(jobs[0]?.status, "ok");
      return jobs[0]?.prune?.removed ?? [];
    };
    const look = async () => {
      const [shown] = (await overview(a.backup, a.backup.config.jobs)).jobs;
      assert.ok(shown?.nextRun);
      return { forecast: shown.prune, next: shown.nextRun };
    };
    for (let n = 0; n < RUNS_BEFORE; n += 1) {
      assert.deepEqual(await run(), []);
      a.clock.time = new Date((await look()).next);
    }
    await run();
    const { forecast } = await look();
    assert.ok(forecast !== null && forecast.after !== null, "it is no forecast when it would be now");
    for (let n = 0; n < RUNS_AFTER; n += 1) {
      a.clock.time = new Date((await look()).next);
      const removed = await run();
      if (a.clock.time < new Date(forecast.after)) {
        assert.deepEqual(removed, [], `before ${forecast.after}`);
        continue;
      }
      assert.equal(a.clock.time.toISOString(), forecast.after);
      assert.deepEqual(removed, forecast.removals.map(({ snapshot }) => snapshot).sort());
      return;
    }
    assert.fail(`no run came to be at ${forecast.after}`);
  });
}
