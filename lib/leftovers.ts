import type { Job } from "./config/schema.ts";
import { planKey, snapshotTime } from "./keys.ts";
import type { Decision, RetentionPlan } from "./retention/retention.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * Whether the leftovers of an unfinished run are to be swept: one that nobody works on, that is too old to be taken up
 * again by itself, and whose place a newer good snapshot has taken. `goingOn` is the run of the job's lease, if any.
 */
export async function leftoverDecision(
  storage: Storage,
  job: Job,
  snapshot: string,
  plan: RetentionPlan,
  goingOn: string | undefined,
  now: Date,
): Promise<Decision> {
  const keep = (why: string): Decision => ({ snapshot, keep: true, reason: `kept: unfinished run; ${why}` });
  if (snapshot === goingOn) return keep("it holds the job's lease, so it is going on");
  if (plan.held !== undefined) return keep(plan.held);
  if (plan.newestGood === undefined || snapshot > plan.newestGood) return keep("no newer snapshot is good");
  const begun = snapshotTime(snapshot)?.getTime() ?? now.getTime();
  const within = written(job.resumeWithinMs);
  if (now.getTime() - begun <= job.resumeWithinMs) return keep(`it began within resume_within (${within})`);
  const lock = (await storage.head(planKey(job.name, snapshot)))?.lock;
  if (lock !== undefined) return keep(lock);
  if (plan.refused !== undefined) return keep("nothing is removed while the plan is refused");
  return {
    snapshot,
    keep: false,
    reason: `removed: unfinished run; it began longer ago than resume_within (${within})`,
  };
}

/** As a configuration has it. */
function written(ms: number): string {
  for (const [unit, length] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`;
  }
  return ms === 0 ? "0" : `${ms / 1000}s`;
}
