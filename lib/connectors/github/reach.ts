import { DeferredError } from "../../errors.ts";
import type { Facts } from "../connector.ts";
import { partFacts } from "./kind-parts.ts";
import { type Line, lineOf, linesOf } from "./lines.ts";
import type { GoingOn, Json, Page } from "./pages.ts";
import type { KindContext } from "./reading.ts";

/** How a list is read: with the newest first, all of it in an order that stays, or where GitHub cuts it off (`deepList`). */
export type Way = (typeof WAYS)[number];
const WAYS = ["newest", "whole", "deep"] as const;

/** How far reading a list comes. Where waiting is left to others, what was read by then is an artifact of its own, and the rest goes on from there. */
export interface Reach {
  begin(): void;
  /** Notes each page as it arrives. */
  noted(way: Way, pages: AsyncIterable<Page>): AsyncGenerator<Page>;
  /** Notes a line that is not stored yet: a page that takes more requests than there are before the wait comes line by line. */
  noteLine(): void;
  /** What comes before the wait. @throws DeferredError where neither a page arrived that had not been read before nor a line that is not stored */
  untilWait<T>(read: AsyncIterable<T>): AsyncGenerator<T>;
  stopped(): DeferredError | undefined;
  facts(): Facts;
  /** The keys on the page that was read last. */
  page(): readonly string[];
}

export function reachOf({ kind, begun }: Pick<KindContext, "kind" | "begun">): Reach {
  const factsOf = partFacts(begun);
  let last: { readonly way: Way; readonly place: string; readonly items: readonly Json[] } | undefined;
  let arrived = 0;
  let isAnyLine = false;
  let stopped: DeferredError | undefined;
  return {
    begin() {
      last = undefined;
      arrived = 0;
      isAnyLine = false;
      stopped = undefined;
    },
    async *noted(way, pages) {
      for await (const page of pages) {
        last = { way, place: page.place, items: page.items };
        arrived += 1;
        yield page;
      }
    },
    noteLine() {
      isAnyLine = true;
    },
    async *untilWait(read) {
      try {
        yield* read;
      } catch (error) {
        // The page that was read last before a wait is read once more after it.
        const isAny = isAnyLine || arrived > (begun === undefined ? 0 : 1);
        if (!(error instanceof DeferredError) || !isAny) throw error;
        stopped = error;
      }
    },
    stopped: () => stopped,
    facts: () => ({
      ...factsOf(stopped === undefined ? undefined : last?.place),
      ...(stopped === undefined || last === undefined ? {} : { way: last.way }),
    }),
    page: () => last?.items.map((json) => lineOf(kind, json).key) ?? [],
  };
}

/** Adds the keys of what was stored before a wait, and tells kinds that hang on it. */
export async function passBegun(
  { kind, begun, notes, parents }: Pick<KindContext, "kind" | "begun" | "notes" | "parents">,
  seen: Set<string>,
  isChanged: (line: Line) => boolean = () => true,
): Promise<void> {
  if (notes !== undefined) {
    for (const key of notes.keys) seen.add(key);
    parents.restore(kind, notes.children);
    return;
  }
  for (const part of begun?.parts ?? [])
    for await (const line of linesOf(kind, part.open())) {
      seen.add(line.key);
      parents.note(kind, line, isChanged(line));
    }
}

/** Where the list goes on, and how it was read until there, by the keys of what is stored; undefined where it is read from its beginning. */
export function goingOn(
  { kind, begun }: Pick<KindContext, "kind" | "begun">,
  stored: ReadonlySet<string> | undefined,
): (GoingOn & { readonly way: Way }) | undefined {
  const way = WAYS.find((one) => one === begun?.facts.way);
  if (begun === undefined || stored === undefined || way === undefined) return undefined;
  const page = new Set(Array.isArray(begun.facts.page) ? begun.facts.page : []);
  return {
    way,
    place: String(begun.through),
    stored: stored.size,
    isStored: (json) => stored.has(lineOf(kind, json).key),
    ...(page.size === 0 ? {} : { isOfPlace: (json) => page.has(lineOf(kind, json).key) }),
  };
}
