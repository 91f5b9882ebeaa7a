import type { Account } from "./account.ts";

/** Which of several accounts asks for what one unit, or the listing, needs. */
export interface Choice {
  /** None of `without`, unless nobody else is left. Those that were shown less of `topic` come after the others. */
  of(resource: string, without?: ReadonlySet<Account>, topic?: string): Account;
  /** Whether all are in `without` that GitHub still accepts. */
  isWithoutMore(without: ReadonlySet<Account>): boolean;
  /** GitHub showed it something, so that what it does not show is not for want of a right to the whole. */
  saw(account: Account): void;
  hasSeen(account: Account): boolean;
  /** GitHub hid from them what it showed to another one: of this topic, or of everything where they were shown nothing yet. */
  sawLess(accounts: Iterable<Account>, topic: string): void;
}

export interface ChoiceOptions {
  /** Chooses the account that has to wait no longer than the others. An ETag is good for who got it, so each unit keeps to its own. */
  readonly key: string;
  /** The same one for all that is listed, however long it has to wait: another one may be shown another list. Questions of GraphQL name what they ask about. */
  readonly isSteady?: boolean;
  readonly nowMs: () => number;
}

export function accountChoice(accounts: readonly Account[], { key, isSteady = false, nowMs }: ChoiceOptions): Choice {
  const first = hashOf(key) % accounts.length;
  const all = [...accounts.slice(first), ...accounts.slice(0, first)];
  const seeing = new Set<Account>();
  const blind = new Set<Account>();
  const blindTo = new Map<string, Set<Account>>();
  const blocked = (account: Account, resource: string) =>
    Math.max(account.limits.blockedUntil.get(resource) ?? 0, nowMs());
  return {
    of(resource, without = new Set(), topic = "") {
      const accepted = all.filter((account) => !account.limits.isRefused && !without.has(account));
      const sighted = accepted.filter((account) => !blind.has(account) && blindTo.get(topic)?.has(account) !== true);
      const [head, ...others] = sighted.length > 0 ? sighted : accepted.length > 0 ? accepted : all;
      if (head === undefined) throw new Error("there is no account");
      if (isSteady && resource === "core") return head;
      return others.reduce((best, one) => (blocked(one, resource) < blocked(best, resource) ? one : best), head);
    },
    isWithoutMore: (without) => all.every((one) => one.limits.isRefused || without.has(one)),
    saw: (account) => void seeing.add(account),
    hasSeen: (account) => seeing.has(account),
    sawLess(some, topic) {
      if (isSteady) return;
      for (const account of some) {
        if (!seeing.has(account)) blind.add(account);
        else blindTo.set(topic, (blindTo.get(topic) ?? new Set()).add(account));
      }
    },
  };
}

function hashOf(key: string): number {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash;
}
