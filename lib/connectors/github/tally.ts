import { isObject } from "./pages.ts";
import { type RepositoryObject, visibilityOf } from "./repository-object.ts";
import type { Session } from "./session.ts";

/** What the listings of whole owners showed, whatever of it the configuration takes. */
export interface Tally {
  /** `owner` as the configuration names it. A list that shifts while it is read shows some twice: they count once. */
  note(owner: string, repository: RepositoryObject): void;
  /** Whether its number was listed. */
  has(owner: string, id: unknown): boolean;
  /** How many of these visibilities were listed of an owner; undefined where its list was not read. */
  count(owner: string, visibilities: readonly string[]): number | undefined;
  /** Where GitHub says how many there are: `/orgs/my-org`, `/user`. */
  begin(owner: string, countedAt: string): void;
  countedAt(owner: string): string | undefined;
  /** Some of it was listed before a wait, since when the count of what there is may have changed. */
  hasWaited(owner: string): boolean;
  noted(): TallyNotes;
}

/** By owner: numbers by visibility. */
type TallyNotes = Record<string, { countedAt: string; visibilities: Record<string, number[]> }>;

export function tallyOf(before: TallyNotes = {}): Tally {
  const lists = new Map(
    Object.entries(before).map(([owner, { countedAt, visibilities }]) => {
      const each = Object.entries(visibilities).flatMap(([of, ids]) => ids.map((id) => [id, of] as const));
      return [owner, { countedAt, visibilities: new Map<unknown, string>(each) }];
    }),
  );
  const of = (owner: string) => lists.get(owner.toLowerCase());
  return {
    begin: (owner, countedAt) =>
      void lists.set(owner.toLowerCase(), { countedAt, visibilities: of(owner)?.visibilities ?? new Map() }),
    note: (owner, repository) => void of(owner)?.visibilities.set(repository.id, visibilityOf(repository)),
    has: (owner, id) => of(owner)?.visibilities.has(id) === true,
    count(owner, visibilities) {
      const list = of(owner);
      return list && [...list.visibilities.values()].filter((one) => visibilities.includes(one)).length;
    },
    countedAt: (owner) => of(owner)?.countedAt,
    hasWaited: (owner) => Object.hasOwn(before, owner.toLowerCase()),
    noted: () =>
      Object.fromEntries(
        [...lists].map(([owner, { countedAt, visibilities }]) => {
          const noted = [...Map.groupBy(visibilities, ([, of]) => of)].map(([of, some]) => [
            of,
            some.map(([id]) => Number(id)),
          ]);
          return [owner, { countedAt, visibilities: Object.fromEntries(noted) }];
        }),
      ),
  };
}

/**
 * Whether an owner's list held all private repositories that there are: by GitHub's own count, which it tells to owners alone. Whether it counts
 * internal ones among them is not written down, so this says nothing of those.
 */
export async function isComplete(
  session: Session,
  tally: Tally,
  owner: string,
): Promise<{ readonly isComplete: boolean; readonly counted?: number }> {
  const path = tally.countedAt(owner);
  const listed = tally.count(owner, ["private"]);
  if (path === undefined || listed === undefined) return { isComplete: false };
  const { status, json } = await session.get(path);
  if (status !== 200 || !isObject(json)) return { isComplete: false };
  const counts = [json.total_private_repos, json.owned_private_repos].filter((count) => typeof count === "number");
  if (counts.length === 0) return { isComplete: false };
  const counted = Math.max(...counts);
  return { isComplete: listed >= counted, counted };
}
