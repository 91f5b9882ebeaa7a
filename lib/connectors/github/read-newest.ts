import { deepList } from "./deep-list.ts";
import type { Kind } from "./kinds/kind.ts";
import { type Line, lineOf } from "./lines.ts";
import { isOlder, later, type Newest, orderValue, orderValues } from "./newest-order.ts";
import { type Page, pages, TooDeepError } from "./pages.ts";
import { filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";

/**
 * Lists with the newest first. Between sweeps only what is newer than the last snapshot's newest is read, and the rest is taken from
 * there; each snapshot is complete by itself. A sweep reads all, which finds what was deleted.
 */
export async function readNewest(context: KindContext): Promise<KindReading> {
  const { kind, session, params, before, previousLines, sweep, parents } = context;
  const order = orderOf(kind);
  const url = filled(order.path, params);
  const given = new Map<string, Answer>();
  const since = sweep || previousLines === undefined ? undefined : before?.newest;
  const isKnown = since !== undefined || (!sweep && before?.state === "EMPTY");
  const unchanged = isKnown && (await isUnchanged(context, given));
  const begun = session.api.now().toISOString();
  let firstEtag: string | undefined;
  let newest: string | number | undefined;
  let isBegun = false;
  let deleted: string[] = [];

  async function* wanted(): AsyncGenerator<Line> {
    firstEtag = undefined;
    newest = since;
    isBegun = false;
    deleted = [];
    parents.begin(kind);
    yield* since === undefined ? swept() : added(since);
  }

  async function* added(from: string | number): AsyncGenerator<Line> {
    const fresh = new Set<string>();
    for await (const line of untilOlder(newerThan(from), order, from)) {
      if (fresh.has(line.key)) continue;
      fresh.add(line.key);
      parents.note(kind, line, true);
      yield line;
    }
    for await (const line of previousLines?.() ?? []) {
      if (fresh.has(line.key)) continue;
      parents.note(kind, line, false);
      yield line;
    }
  }

  /** What is newer can be too much for a list, too: then its order is another, and what is older is left out. */
  async function* newerThan(from: string | number): AsyncGenerator<Page> {
    try {
      yield* listed();
    } catch (error) {
      if (!(error instanceof TooDeepError)) throw error;
      for await (const page of deepList(context, order, error)) {
        yield { ...page, items: page.items.filter((json) => !isOlder(orderValue(json, order), from)) };
      }
    }
  }

  async function* swept(): AsyncGenerator<Line> {
    const known = await orderValues(previousLines, order);
    const seen = new Set<string>();
    const told = async function* (list: AsyncIterable<Page>): AsyncGenerator<Line> {
      for await (const line of once(kind, list, seen)) {
        parents.note(kind, line, known.get(line.key)?.value !== orderValue(line.json, order));
        yield line;
      }
    };
    yield* told(wholeOf(context, order, listed()));
    const missing = () => [...known.keys()].filter((key) => !seen.has(key));
    // What was deleted meanwhile moves the rest up, past the page that was next: gone is only what is missing twice.
    if (missing().length > 0 && order.whole !== undefined) yield* told(wholeOf(context, order, listed()));
    deleted = missing();
    parents.deleted(
      kind,
      deleted.map((key) => known.get(key)?.field ?? key),
    );
  }

  async function* listed(): AsyncGenerator<Page> {
    const list = order.pages?.(session, params) ?? pages(session, url, { absent: kind.absent ?? "FORBIDDEN", given });
    for await (const page of list) {
      firstEtag ??= page.etag;
      // A later page may show a change of a moment ago, and what was read before it may have been changed by then, too.
      if (!isBegun) for (const json of page.items) newest = later(newest, orderValue(json, order));
      isBegun = true;
      yield page;
    }
  }

  return {
    unchanged,
    lines: wanted,
    // For when the unit has to wait later on, and what is stored is all that there is to go by.
    facts: () => ({ ...(newest === undefined ? {} : { newest }), ...(since === undefined ? { sweptAt: begun } : {}) }),
    state: () => ({
      ...(firstEtag === undefined ? {} : { etags: { [url]: firstEtag } }),
      ...(newest === undefined ? {} : { newest }),
      sweptAt: since === undefined ? begun : (before?.sweptAt ?? begun),
    }),
    deleted: () => deleted,
  };
}

/** Ends at the first object that is older than what the last snapshot holds. */
async function* untilOlder(list: AsyncIterable<Page>, order: Newest, from: string | number): AsyncGenerator<Line> {
  for await (const { items } of list) {
    for (const json of items) {
      if (isOlder(orderValue(json, order), from)) return;
      yield { key: String(json.id), json };
    }
  }
}

/** All of it. One page is of one moment; several are read in an order that stays. */
async function* wholeOf(context: KindContext, order: Newest, list: AsyncIterable<Page>): AsyncGenerator<Page> {
  const { kind, session, params } = context;
  const absent = kind.absent ?? "FORBIDDEN";
  try {
    for await (const page of list) {
      yield page;
      if (page.isLast) return;
      if (order.whole !== undefined) break;
    }
    if (typeof order.whole === "function") yield* order.whole(session, params);
    else if (order.whole !== undefined) yield* pages(session, filled(order.whole, params), { absent });
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    yield* deepList(context, order, error);
  }
}

async function* once(kind: Kind, list: AsyncIterable<Page>, seen: Set<string>): AsyncGenerator<Line> {
  for await (const { items } of list) {
    for (const json of items) {
      const line = lineOf(kind, json);
      if (seen.has(line.key)) continue;
      seen.add(line.key);
      yield line;
    }
  }
}

function orderOf({ name, reading }: Kind): Newest {
  if (reading.how !== "newest") throw new Error(`${name} has no order`);
  return reading;
}
