import { isObject } from "./pages.ts";
import type { RepositoryObject } from "./repository-object.ts";
import type { Session } from "./session.ts";

/** What the listings of whole owners showed, whatever of it the configuration takes. */
export interface Tally {
  /** `owner` as the configuration names it. */
  note(owner: string, repository: RepositoryObject): void;
  /** How many private ones of an owner were listed; undefined where its list was not read. */
  privateOf(owner: string): number | undefined;
  /** Where GitHub says how many there are: `/orgs/my-org`, `/user`. */
  begin(owner: string, countedAt: string): void;
  countedAt(owner: string): string | undefined;
}

export function tallyOf(): Tally {
  const lists = new Map<string, { readonly countedAt: string; privates: number }>();
  const of = (owner: string) => lists.get(owner.toLowerCase());
  return {
    begin: (owner, countedAt) => void lists.set(owner.toLowerCase(), { countedAt, privates: 0 }),
    note(owner, { private: isPrivate, visibility }) {
      const list = of(owner);
      // Whether GitHub counts internal ones among the private ones is not written down.
      if (list !== undefined && (visibility ?? (isPrivate ? "private" : "public")) === "private") list.privates += 1;
    },
    privateOf: (owner) => of(owner)?.privates,
    countedAt: (owner) => of(owner)?.countedAt,
  };
}

/** Whether an owner's list held all private repositories that there are: by GitHub's own count, which it tells to owners alone. */
export async function isComplete(
  session: Session,
  tally: Tally,
  owner: string,
): Promise<{ readonly isComplete: boolean; readonly counted?: number }> {
  const path = tally.countedAt(owner);
  const listed = tally.privateOf(owner);
  if (path === undefined || listed === undefined) return { isComplete: false };
  const { status, json } = await session.get(path);
  if (status !== 200 || !isObject(json)) return { isComplete: false };
  const counts = [json.total_private_repos, json.owned_private_repos].filter((count) => typeof count === "number");
  if (counts.length === 0) return { isComplete: false };
  const counted = Math.max(...counts);
  return { isComplete: listed >= counted, counted };
}
