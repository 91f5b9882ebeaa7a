import type { RetentionPolicy } from "../config/schema.ts";
import { snapshotId } from "../keys.ts";
import { decide, type SnapshotState } from "../retention/retention.ts";
import { nextRuns } from "../scheduling/schedule.ts";

/** What prune removes next, and why. */
export interface Forecast {
  /** After the run of which time; null when it would remove them now. */
  readonly after: string | null;
  readonly removals: readonly { readonly snapshot: string; readonly reason: string }[];
  /** Why nothing would be removed although the policy says so. */
  readonly refused?: string;
}

interface Ahead {
  readonly retention: RetentionPolicy;
  readonly schedule: string | undefined;
  readonly timezone: string;
  readonly now: Date;
}

/** Further ahead the snapshots that do not exist yet decide. */
const RUNS_AHEAD = 14;

/**
 * What would be removed now, or else after the first of the next runs that makes something go, all of them taken to be
 * good. Undefined when none of the next 14 does. Pure.
 */
export function forecast(
  states: readonly SnapshotState[],
  { retention, schedule, timezone, now }: Ahead,
): Forecast | undefined {
  const times = schedule === undefined ? [] : nextRuns(schedule, timezone, now, RUNS_AHEAD);
  const known = [...states];
  for (const time of [undefined, ...times]) {
    if (time !== undefined) known.push({ snapshot: snapshotId(time), status: "ok", verified: true });
    const plan = decide(known, retention, time ?? now, timezone);
    const removals = plan.decisions.filter(({ keep }) => !keep).map(({ snapshot, reason }) => ({ snapshot, reason }));
    const after = time?.toISOString() ?? null;
    if (plan.refused !== undefined) return { after, removals, refused: plan.refused };
    if (removals.length > 0) return { after, removals };
  }
  return undefined;
}
