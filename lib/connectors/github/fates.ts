import { SourceError, TransientError } from "../../errors.ts";
import { retry } from "../../retry.ts";
import type { UnitBefore } from "../connector.ts";
import type { Github } from "./github-context.ts";
import type { ListingState } from "./listing-state.ts";
import { numbered } from "./numbered.ts";
import { type Json, objectOf } from "./pages.ts";
import type { KnownParts } from "./parts.ts";
import { LONG_MS } from "./patience.ts";
import type { Remembered } from "./remembered.ts";
import { parseRepository, type RepositoryObject } from "./repository-object.ts";
import type { Session } from "./session.ts";
import { isComplete } from "./tally.ts";
import { UnreadableError } from "./unreadable.ts";

/** A listing at its end. */
export interface Listing extends Pick<Github, "options" | "chosen" | "scope"> {
  readonly session: Session;
  readonly parts: KnownParts;
  readonly state: ListingState;
}

/** One thing that is not listed any more, with its parts. */
export interface Absent {
  readonly whole: string;
  readonly id: string;
  readonly snapshot: string;
  readonly units: readonly UnitBefore[];
  readonly remembered: Remembered;
}

/** What became of something that is not listed any more. */
export type Fate =
  | { readonly is: "there" | "moved"; readonly repository: RepositoryObject }
  | { readonly is: "gist"; readonly id: string }
  /** Or it may be. `isNotFound`: GitHub answers 404 to its number, whichever token asks. */
  | { readonly is: "hidden"; readonly why: string; readonly isNamed?: boolean; readonly isNotFound?: boolean }
  /** Deleted, or not asked for. */
  | { readonly is: "gone" };

/** More than this do not vanish one by one: the rest is not asked about. */
const MOST_ASKED = 500;

const GONE: Fate = { is: "gone" };

/** `isMissing`: the configuration names the repository with this id, and GitHub does not show it. */
export async function* fatesOf(
  listing: Listing,
  absent: readonly Absent[],
  isMissing: (id: string) => boolean,
): AsyncGenerator<{ readonly absent: Absent; readonly fate: Fate }> {
  const reasons = new Map<string, Promise<string | undefined>>();
  const reasonOf = (owner: string): Promise<string | undefined> => {
    const asked = reasons.get(owner) ?? hiddenReason(listing, owner);
    reasons.set(owner, asked);
    return asked;
  };
  const seen = new Map<string, Promise<boolean>>();
  const seesAllOf = (owner: string): Promise<boolean> => {
    const asked = seen.get(owner) ?? isSeenWhole(listing, owner);
    seen.set(owner, asked);
    return asked;
  };
  const { state } = listing;
  for (const one of absent) {
    const [, sort, key = ""] = /^(repository|gist):(\w+)$/.exec(one.whole) ?? [];
    if (sort === "gist") yield { absent: one, fate: await gistFate(listing, one, key) };
    if (sort !== "repository") continue;
    const [owner = "", name = ""] = one.id.split("/");
    const named = { id: Number(key), owner: { login: owner }, name };
    if (listing.scope.isExcluded(named)) continue;
    const isMust = isMissing(one.id) || listing.scope.isNamed(named);
    const hint = isMissing(one.id) ? TAKE_OUT : leaveOut(one);
    if (!isMust && !listing.scope.isAskedFor(named)) continue;
    // What the filters leave out, as far as it is known, needs no question.
    if (!isMust && listing.scope.isRuledOut(one.remembered)) continue;
    const isAsked = state.asked < MOST_ASKED;
    const fate = isAsked ? await askedFate(listing, one, key, hint) : undefined;
    state.asked += 1;
    yield {
      absent: one,
      fate: fate ?? (await unseenFate(listing, one, { owner, isMust, isAsked, hint, reasonOf, seesAllOf })),
    };
  }
}

/** What GitHub says of its number; undefined where it shows nothing. */
async function askedFate(
  { scope, session }: Listing,
  absent: Absent,
  key: string,
  hint: string,
): Promise<Fate | undefined> {
  const { id, snapshot } = absent;
  const answer = await answerAbout(session, absent, `/repositories/${key}`, `. ${hint}`);
  if (answer === undefined || "is" in answer) return answer;
  const repository = parseRepository(answer.object);
  if (scope.isExcluded(repository)) return GONE;
  if (scope.isAskedFor(repository)) return scope.passes(repository) ? { is: "there", repository } : GONE;
  if (!scope.passes(repository)) return GONE;
  // A server that is another one by now has other things under the same numbers.
  const [owner, name] = id.split("/");
  if (repository.owner.login === owner || repository.name === name) return { is: "moved", repository };
  const now = `${repository.owner.login}/${repository.name}`;
  const why = `${id} of snapshot ${snapshot} is not listed any more, and its number is ${now} now`;
  return { is: "hidden", why: `${why}. ${hint}` };
}

/** Undefined where GitHub says that there is none. */
async function answerAbout(
  session: Session,
  { id, snapshot }: Absent,
  path: string,
  hint = "",
): Promise<{ readonly object: Json } | Extract<Fate, { is: "hidden" }> | undefined> {
  try {
    return { object: objectOf(await session.get(path), path, "FORBIDDEN") };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    if (error.status === 404) return undefined;
    return {
      is: "hidden",
      why: `GitHub does not show ${id}, which snapshot ${snapshot} holds (${error.message})${hint}`,
    };
  }
}

interface Unseen {
  readonly owner: string;
  readonly isMust: boolean;
  /** False beyond the limit: then nobody knows what GitHub would say. */
  readonly isAsked: boolean;
  /** How to end it. */
  readonly hint: string;
  reasonOf(owner: string): Promise<string | undefined>;
  /** Whether nothing is hidden: an App whose installation is for all of its owner's repositories is shown each one that there is. */
  seesAllOf(owner: string): Promise<boolean>;
}

/**
 * A 404 is the answer for what was deleted and for what is hidden. Believed to be deleted is what was missing from a list that held
 * all that there is, and what the configuration says; nothing, while a token is not accepted that may have been shown more.
 */
async function unseenFate(
  { options, state: { tally }, session }: Listing,
  absent: Absent,
  { owner, isMust, isAsked, hint, reasonOf, seesAllOf }: Unseen,
): Promise<Fate> {
  const { id, snapshot } = absent;
  const { visibility } = absent.remembered;
  // GitHub's count tells of private ones, and so of public ones that were made private. Internal ones may be left out of it and of the list.
  const isCounted = visibility === "private" || visibility === "public";
  // Credentials that lost their right to what is private are shown none of it.
  const sorts = visibility === undefined ? ["private", "internal"] : [visibility];
  const isWall = visibility !== "public" && tally.count(owner, sorts) === 0;
  const isWhole = isAsked && !isWall && (await seesAllOf(owner));
  const reason = isWhole ? undefined : isCounted ? await reasonOf(owner) : "";
  const refused = session.api.accounts.filter(({ limits }) => limits.isRefused).map(({ name }) => name);
  const isBelieved = !isMust && refused.length === 0;
  if (isBelieved && reason === undefined) return GONE;
  if (isBelieved && options.on_absent === "warn" && !isWall) return GONE;
  const why = isWall ? `; none of the ${sorts.join(" and ")} repositories of ${owner} is` : "";
  const counted = reason === undefined || reason === "" ? "" : `; ${reason}`;
  const unasked =
    refused.length === 0 ? "" : `; GitHub does not accept ${refused.join(" and ")}, which may be shown it`;
  const notShown = `${why}${counted}${unasked}`;
  return {
    is: "hidden",
    isNamed: isMust,
    isNotFound: isAsked && refused.length === 0,
    why: isAsked
      ? `GitHub does not show ${id} any more, which snapshot ${snapshot} holds${notShown}. The credentials lost the right to it, or it was deleted. ${hint}`
      : `${id}, which snapshot ${snapshot} holds, is not listed any more${notShown}. GitHub was not asked about it, for more than ${MOST_ASKED} are missing`,
  };
}

/** By its number it is this one, though another one has its name, or comes to have it. */
const leaveOut = (absent: Absent): string => `exclude: [${numbered(absent.id, absent)}] leaves it out`;
/** What the configuration names has to be there: its number would say nothing once no snapshot holds it. */
const TAKE_OUT = "Taken out of repositories, it is left out";

/** Only of an owner whose list was read to its end. */
async function isSeenWhole({ session, state: { tally } }: Listing, owner: string): Promise<boolean> {
  const { signal } = session;
  const unless = ({ retryAfterMs }: TransientError) => retryAfterMs > LONG_MS;
  if (tally.countedAt(owner) === undefined) return false;
  for (const account of session.api.accounts) {
    try {
      const options = { attempts: 3, baseMs: 500, maxMs: 30_000, signal, unless };
      if (await retry(() => account.seesAllOf(owner, signal), options)) return true;
    } catch (error) {
      // What is not told is not so, and no reason for the listing to end.
      if (!(error instanceof SourceError || error instanceof TransientError)) throw error;
    }
  }
  return false;
}

/** Undefined where an owner's list held all that there is. */
async function hiddenReason({ session, state: { tally } }: Listing, owner: string): Promise<string | undefined> {
  // What was deleted in a wait would stand for as many that are hidden.
  if (tally.hasWaited(owner)) return `the list of ${owner} was read over a wait, so that GitHub's count tells nothing`;
  const { isComplete: isWhole, counted } = await isComplete(session, tally, owner);
  if (isWhole) return undefined;
  return counted === undefined
    ? ""
    : `of ${counted} private repositories of ${owner} it lists ${tally.count(owner, ["private"])}`;
}

/** A gist hides from nobody who knows its number, so one that is not there is gone. */
async function gistFate({ options, chosen, session }: Listing, absent: Absent, key: string): Promise<Fate> {
  const [owner = ""] = absent.id.split("/");
  const isOwn = owner.toLowerCase() === options.user?.toLowerCase();
  // Another's lost its star.
  if (!isOwn || chosen.of("gist").length === 0) return GONE;
  const answer = await answerAbout(session, absent, `/gists/${key}`);
  if (answer === undefined) return GONE;
  return "is" in answer ? answer : { is: "gist", id: key };
}
