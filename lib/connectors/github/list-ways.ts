import { deepList } from "./deep-list.ts";
import { isOlder, type Newest, orderValue } from "./newest-order.ts";
import { type GoingOn, type Page, pages, TooDeepError } from "./pages.ts";
import { goingOn, type Reach } from "./reach.ts";
import { filled, type KindContext } from "./reading.ts";
import type { Answer } from "./response.ts";

export interface ListOfNewest {
  readonly context: KindContext;
  readonly order: Newest;
  readonly reach: Reach;
  /** Answers that were had already, by URL. */
  readonly given: Map<string, Answer>;
  /** Hears each page of the list with the newest first. */
  readonly onNewest: (page: Page) => void;
}

/** All of it. One page is of one moment; several are read in an order that stays. With the keys of what was stored before a wait it goes on from there. */
export async function* wholeOf(list: ListOfNewest, stored?: ReadonlySet<string>): AsyncGenerator<Page> {
  const { context, order } = list;
  const from = goingOn(context, stored);
  if (from?.way === "deep") {
    yield* deepOf(list, { place: from.place });
    return;
  }
  try {
    if (from === undefined || order.whole === undefined) {
      for await (const page of newestOf(list, from)) {
        yield page;
        if (page.isLast) return;
        if (order.whole !== undefined) break;
      }
    }
    if (order.whole !== undefined) yield* inOrderThatStays(list, order.whole, from?.way === "whole" ? from : undefined);
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    yield* deepOf(list, { cut: error });
  }
}

/**
 * What is newer than `than`; with the keys of what was stored before a wait it goes on from there. It can be too much for a list, too: then its order is
 * another, and what is older is left out.
 */
export async function* newerOf(
  list: ListOfNewest,
  than: string | number,
  stored?: ReadonlySet<string>,
): AsyncGenerator<Page> {
  const from = goingOn(list.context, stored);
  let deep: Parameters<typeof deepOf>[1] | undefined = from?.way === "deep" ? { place: from.place } : undefined;
  try {
    if (deep === undefined) yield* newestOf(list, from);
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    deep = { cut: error };
  }
  if (deep === undefined) return;
  for await (const page of deepOf(list, deep))
    yield { ...page, items: page.items.filter((json) => !isOlder(orderValue(json, list.order), than)) };
}

async function* newestOf(
  { context, order, reach, given, onNewest }: ListOfNewest,
  from: GoingOn | undefined,
): AsyncGenerator<Page> {
  const { kind, session, params } = context;
  const absent = kind.absent ?? "FORBIDDEN";
  const list =
    order.pages?.(session, params, from) ?? pages(session, filled(order.path, params), { absent, given, from });
  for await (const page of reach.noted("newest", list)) {
    onNewest(page);
    yield page;
  }
}

function inOrderThatStays(
  { context: { kind, session, params }, reach }: ListOfNewest,
  whole: NonNullable<Newest["whole"]>,
  from: GoingOn | undefined,
): AsyncIterable<Page> {
  const list =
    typeof whole === "function"
      ? whole(session, params, from)
      : pages(session, filled(whole, params), { absent: kind.absent ?? "FORBIDDEN", from });
  return reach.noted("whole", list);
}

const deepOf = (
  { context, order, reach }: ListOfNewest,
  how: { readonly cut?: TooDeepError; readonly place?: string },
): AsyncIterable<Page> => reach.noted("deep", deepList(context, order, how));
