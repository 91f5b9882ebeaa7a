import type { Job } from "./config/schema.ts";
import { planKey } from "./keys.ts";
import { wasAtWorkWithin } from "./resume/at-work.ts";
import type { Decision, RetentionPlan } from "./retention/retention.ts";
import { isAhead } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

export interface LeftoverFacts {
  /** The run of the job's lease, if any: also when it has made its snapshot, and prunes. */
  readonly goingOn: string | undefined;
  /** It was a snapshot, and an earlier prune was ended while it removed that. */
  readonly isHalfRemoved: boolean;
  readonly now: Date;
}

/**
 * Whether the leftovers of an unfinished run are to be swept: one that nobody works on, that is too old to be taken up
 * again by itself, and whose place a newer good snapshot has taken. One that is dated after now is never taken up by
 * itself. What is left of a snapshot goes at once.
 */
export async function leftoverDecision(
  storage: Storage,
  job: Job,
  snapshot: string,
  plan: RetentionPlan,
  { goingOn, isHalfRemoved, now }: LeftoverFacts,
): Promise<Decision> {
  const what = isHalfRemoved ? "what an earlier prune left of a snapshot" : "unfinished run";
  const keep = (why: string): Decision => ({ snapshot, keep: true, reason: `kept: ${what}; ${why}` });
  if (snapshot === goingOn) return keep("it holds the job's lease, so it is going on");
  if (plan.held !== undefined) return keep(plan.held);
  const remove = async (why: string): Promise<Decision> =>
    (await blocked(storage, job, snapshot, plan, keep)) ?? { snapshot, keep: false, reason: `removed: ${what}${why}` };
  if (isHalfRemoved) return remove("");
  if (isAhead(snapshot, now)) {
    // No clock tells which of the two was first, but who has the lease now made its snapshot after whoever had it before.
    if (plan.newestGood === undefined || plan.newestGood !== goingOn)
      return keep("it is dated after now, until a run has made a good snapshot after it");
    return remove(`; it is dated after now, and ${plan.newestGood} was made after it`);
  }
  if (plan.newestGood === undefined || snapshot > plan.newestGood) return keep("no newer snapshot is good");
  const within = written(job.resumeWithinMs);
  if (await wasAtWorkWithin(storage, job, snapshot, now))
    return keep(`it was at work within resume_within (${within})`);
  return remove(`; it was last at work longer ago than resume_within (${within})`);
}

async function blocked(
  storage: Storage,
  job: Job,
  snapshot: string,
  { refused }: RetentionPlan,
  keep: (why: string) => Decision,
): Promise<Decision | undefined> {
  const lock = (await storage.head(planKey(job.name, snapshot)))?.lock;
  if (lock !== undefined) return keep(lock);
  return refused === undefined ? undefined : keep("nothing is removed while the plan is refused");
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
