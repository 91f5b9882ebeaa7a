import { announceWatch } from "../lib/deployment/announce-watch.ts";
import { watchMetrics } from "../lib/deployment/watch-metrics.ts";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { watch } from "../lib/watch/watch.ts";

/** What is left for telling, remembering and measuring when the time to look is over. */
const TELLING_MS = 120_000;

/** Looks at every job from outside, once an hour: notifiers hear what changed, the metric and the bus hear it each time. */
export const handler = (_event: unknown, invocation: Invocation) =>
  withFunctionBackup(invocation, async (backup) => {
    const withinMs = invocation.getRemainingTimeInMillis() - TELLING_MS;
    const { jobs } = await watch(backup, backup.config.jobs, { dryRun: false, withinMs });
    for (const line of watchMetrics(process.env.STACK ?? "", jobs, backup.now())) process.stdout.write(`${line}\n`);
    await announceWatch(process.env.EVENT_BUS, jobs, backup);
    return { ok: jobs.every(({ ok }) => ok), jobs: jobs.map(({ job, ok }) => ({ job, ok })) };
  });
