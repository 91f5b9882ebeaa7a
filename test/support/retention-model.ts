import type { RetentionPolicy } from "../../lib/config/schema.ts";
import type { SnapshotState } from "../../lib/retention/retention.ts";

export interface History {
  readonly states: readonly SnapshotState[];
  readonly policy: RetentionPolicy;
  readonly now: Date;
  readonly zone: string;
}

const DAY = 86_400_000;
const dates = new Map<string, Intl.DateTimeFormat>();

/** Another reading of docs/retention.md, by brute force: the ids that stay, before `max_removals` is looked at. */
export function retentionModel({ states, policy, now, zone }: History): Set<string> {
  const ids = [...new Set(states.map(({ snapshot }) => snapshot))];
  const isGood = (id: string) =>
    states.filter(({ snapshot }) => snapshot === id).every(({ status, verified }) => status === "ok" && verified);
  const hasFailed = (id: string) => states.some(({ snapshot, status }) => snapshot === id && status === "failed");
  const past = ids.filter((id) => millis(id) <= now.getTime());
  const goods = past.filter(isGood);
  const newerThan = (group: readonly string[], id: string) => group.filter((other) => millis(other) > millis(id));
  const latest = past.find((id) => newerThan(past, id).length === 0);
  const rules = [
    policy.keep_last,
    policy.keep_days,
    policy.keep_daily,
    policy.keep_weekly,
    policy.keep_monthly,
    policy.keep_yearly,
  ];
  if (goods.length === 0 || rules.every((one) => one === undefined) || (latest !== undefined && hasFailed(latest)))
    return new Set(ids);
  const newestGood = Math.max(...goods.map(millis));
  const known = new Map<string, string>();
  const local = (id: string) => {
    const date = known.get(id) ?? dateIn(zone).format(millis(id));
    known.set(id, date);
    return date;
  };
  const week = (id: string) => String(Math.floor((Date.parse(local(id)) / DAY + 3) / 7));
  const inSlot = (id: string, count: number | undefined, bucket: (id: string) => string) => {
    if (count === undefined || !goods.includes(id)) return false;
    const newer = newerThan(goods, id).map(bucket);
    return !newer.includes(bucket(id)) && new Set(newer).size < count;
  };
  const stays = (id: string) =>
    millis(id) > now.getTime() ||
    (isGood(id) ? newerThan(goods, id).length < policy.min_keep : millis(id) > newestGood) ||
    newerThan(isGood(id) ? goods : past, id).length < (policy.keep_last ?? 0) ||
    (policy.keep_days !== undefined && newestGood - millis(id) <= policy.keep_days * DAY) ||
    inSlot(id, policy.keep_daily, local) ||
    inSlot(id, policy.keep_weekly, week) ||
    inSlot(id, policy.keep_monthly, (one) => local(one).slice(0, 7)) ||
    inSlot(id, policy.keep_yearly, (one) => local(one).slice(0, 4));
  return new Set(ids.filter(stays));
}

/** By the id's own text, and not by what the code under test reads it with. */
export const millis = (snapshot: string): number => {
  const at = (start: number, end: number) => Number(snapshot.slice(start, end));
  return Date.UTC(at(0, 4), at(5, 7) - 1, at(8, 10), at(11, 13), at(13, 15), at(15, 17));
};

function dateIn(zone: string): Intl.DateTimeFormat {
  const known = dates.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone });
  dates.set(zone, known);
  return known;
}
