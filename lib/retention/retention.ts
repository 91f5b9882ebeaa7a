import type { RetentionPolicy } from "../config/schema.ts";
import { snapshotTime } from "../keys.ts";
import { type CalendarLabels, calendarLabels, type Period, slotsOf } from "./retention-buckets.ts";

export interface SnapshotState {
  /** The snapshot's id, which is its time. */
  readonly snapshot: string;
  /** `narrowed`: ok, and of some units of the job alone. */
  readonly status: "ok" | "narrowed" | "partial" | "failed";
  /** Its artifacts were read back, and were what its manifest says. */
  readonly verified: boolean;
  /** Why it may be a good one to who has another key or another version: it stays. */
  readonly mayBeGood?: string;
  /** Why the storage lets nobody remove it just now. */
  readonly lock?: string;
}

export interface Decision {
  readonly snapshot: string;
  readonly keep: boolean;
  /** `kept: …` or `removed: …`, for an operator. */
  readonly reason: string;
}

export interface RetentionPlan {
  /** One for each snapshot, newest first. */
  readonly decisions: readonly Decision[];
  /** The newest good snapshot that is not dated after now. */
  readonly newestGood?: string;
  /** Why nothing may be removed just now, whatever the policy; nothing is wrong with the policy. */
  readonly held?: string;
  /** The policy would remove more than `max_removals`, so nothing is removed. Says what to do. */
  readonly refused?: string;
}

interface Candidate extends SnapshotState {
  readonly time: number;
  readonly good: boolean;
}

const DAY_MS = 86_400_000;
const PERIODS: readonly { period: Period; rule: "keep_daily" | "keep_weekly" | "keep_monthly" | "keep_yearly" }[] = [
  { period: "daily", rule: "keep_daily" },
  { period: "weekly", rule: "keep_weekly" },
  { period: "monthly", rule: "keep_monthly" },
  { period: "yearly", rule: "keep_yearly" },
];

/**
 * What the policy keeps and removes, and why. Good is what is `ok` and verified. Every rule that the policy has counts,
 * and one that keeps a snapshot is enough; docs/retention.md has the rules in full. Pure: the same snapshots in any
 * order, named once or twice, give the same plan, and deciding again over what was kept removes nothing more.
 * @throws RangeError for an id that is no time, and for an unknown time zone
 */
export function decide(
  snapshots: readonly SnapshotState[],
  policy: RetentionPolicy,
  now: Date,
  timezone: string,
): RetentionPlan {
  const all = candidates(snapshots);
  const past = all.filter(({ time }) => time <= now.getTime());
  const goods = past.filter(({ good }) => good);
  const [newestGood] = goods;
  const held = holdOf(past, newestGood);
  if (newestGood === undefined || held !== undefined || !hasRule(policy)) {
    const why = held ?? "the policy has no rule that removes anything";
    return { decisions: all.map(({ snapshot }) => kept(snapshot, [why])), newestGood: newestGood?.snapshot, held };
  }
  const reasons = keepReasons(past, goods, newestGood, policy, timezone);
  const decisions = all.map((one) => {
    if (one.time > now.getTime()) return kept(one.snapshot, ["dated after now"]);
    const why = reasons.get(one.snapshot) ?? [];
    if (why.length > 0) return kept(one.snapshot, why);
    const removal = removed(one, policy);
    return one.lock === undefined ? removal : kept(one.snapshot, [`${one.lock}; else ${removal.reason}`]);
  });
  return bounded({ decisions, newestGood: newestGood.snapshot }, policy.max_removals);
}

/** Newest first, each id once. Of two that disagree the worse counts: a doubtful snapshot must not stand for a good one. */
function candidates(snapshots: readonly SnapshotState[]): Candidate[] {
  const byId = new Map<string, Candidate>();
  for (const state of snapshots) {
    const time = snapshotTime(state.snapshot)?.getTime();
    if (time === undefined) throw new RangeError(`not a snapshot id: ${state.snapshot}`);
    const before = byId.get(state.snapshot);
    if (before !== undefined && rank(before) <= rank(state)) continue;
    byId.set(state.snapshot, { ...state, time, good: state.status === "ok" && state.verified });
  }
  return [...byId.values()].sort((a, b) => b.time - a.time);
}

const rank = ({ status, verified }: SnapshotState): number =>
  ["failed", "partial", "narrowed", "ok"].indexOf(status) * 2 + (verified ? 1 : 0);

function holdOf(past: readonly Candidate[], newestGood: Candidate | undefined): string | undefined {
  if (newestGood === undefined) return "no snapshot is good (ok and verified), so none is removed";
  const [newest] = past;
  if (newest?.status !== "failed") return undefined;
  const what = newest.mayBeGood === undefined ? "failed" : `cannot be judged (${newest.mayBeGood})`;
  return `the newest run (${newest.snapshot}) ${what}, so nothing is removed`;
}

function hasRule(policy: RetentionPolicy): boolean {
  const rules = [policy.keep_last, policy.keep_days, ...PERIODS.map(({ rule }) => policy[rule])];
  return rules.some((rule) => rule !== undefined);
}

function keepReasons(
  past: readonly Candidate[],
  goods: readonly Candidate[],
  newestGood: Candidate,
  policy: RetentionPolicy,
  timezone: string,
): ReadonlyMap<string, string[]> {
  const reasons = new Map(past.map(({ snapshot }): [string, string[]] => [snapshot, []]));
  const keep = ({ snapshot }: Candidate, reason: string) => reasons.get(snapshot)?.push(reason);
  const { keep_last: last, keep_days: days, min_keep: least } = policy;
  goods.forEach((one, index) => {
    if (index === 0) keep(one, "newest good snapshot");
    if (index > 0 && index < least) keep(one, `good ${index + 1} of at least ${least}`);
    if (last !== undefined && index < last) keep(one, `last ${index + 1} of ${last}`);
  });
  // From the newest good one and not from now: a job that has stopped keeps what it has.
  const isYoung = (one: Candidate) => days !== undefined && one.time >= newestGood.time - days * DAY_MS;
  for (const one of goods) if (isYoung(one)) keep(one, `not older than ${days} days`);
  keepSlots(goods, policy, timezone, keep);
  past.forEach((one, index) => {
    if (one.good) return;
    if (one.mayBeGood !== undefined) keep(one, `${one.mayBeGood}: it may be good`);
    if (one.time > newestGood.time) keep(one, `${describe(one)}, newer than the newest good snapshot`);
    if (last !== undefined && index < last) keep(one, `${describe(one)}, among the last ${last} of any kind`);
    if (isYoung(one)) keep(one, `${describe(one)}, not older than ${days} days`);
  });
  return reasons;
}

function keepSlots(
  goods: readonly Candidate[],
  policy: RetentionPolicy,
  timezone: string,
  keep: (one: Candidate, reason: string) => void,
): void {
  let labels: readonly CalendarLabels[] | undefined;
  for (const { period, rule } of PERIODS) {
    const count = policy[rule];
    if (count === undefined) continue;
    labels ??= goods.map(({ time }) => calendarLabels(new Date(time), timezone));
    slotsOf(labels, period, count).forEach((slot, index) => {
      const one = goods[index];
      if (slot !== undefined && one !== undefined) keep(one, `${period} ${slot.position} of ${count} (${slot.label})`);
    });
  }
}

function kept(snapshot: string, reasons: readonly string[]): Decision {
  return { snapshot, keep: true, reason: `kept: ${reasons.join("; ")}` };
}

function removed(one: Candidate, policy: RetentionPolicy): Decision {
  const reasons = one.good ? [] : [`${describe(one)}, and a newer snapshot is good`];
  if (policy.keep_last !== undefined) reasons.push(`not among the last ${policy.keep_last}`);
  if (policy.keep_days !== undefined) reasons.push(`older than ${policy.keep_days} days`);
  const periods = PERIODS.filter(({ rule }) => policy[rule] !== undefined).map(({ period }) => period);
  if (one.good && periods.length > 0) reasons.push(`in no ${periods.join(", ").replace(/, (\w+)$/, " or $1")} slot`);
  return { snapshot: one.snapshot, keep: false, reason: `removed: ${reasons.join("; ")}` };
}

function describe({ status, verified, mayBeGood }: Candidate): string {
  if (mayBeGood !== undefined) return "not judged";
  return status === "ok" && !verified ? "not verified" : status;
}

/** A policy that was mistyped, or a clock that is wrong, shows as many removals at once. */
function bounded(plan: RetentionPlan, limit: number): RetentionPlan {
  const removals = plan.decisions.filter(({ keep }) => !keep).length;
  if (removals <= limit) return plan;
  const refused =
    `the policy would remove ${removals} of ${plan.decisions.length} snapshots, which is more than max_removals: ${limit}; ` +
    `nothing was removed. If that many is right, set max_removals: ${removals} for this job until prune has run once`;
  const decisions = plan.decisions.map(({ snapshot, keep, reason }) =>
    keep ? { snapshot, keep, reason } : kept(snapshot, [`refused with max_removals: ${limit}; else ${reason}`]),
  );
  return { ...plan, decisions, refused };
}
