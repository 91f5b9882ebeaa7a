import type { Kind } from "./kinds/kind.ts";
import { type Line, lineOf } from "./lines.ts";
import { newerOf, wholeOf } from "./list-ways.ts";
import { isOlder, later, type Newest, orderValue, orderValues } from "./newest-order.ts";
import type { Page } from "./pages.ts";
import { LONG_MS } from "./patience.ts";
import { passBegun, reachOf } from "./reach.ts";
import { filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";

/**
 * Lists with the newest first. Between sweeps only what is newer than the last snapshot's newest is read, and the rest is taken from
 * there; each snapshot is complete by itself. A sweep reads all, which finds what was deleted.
 */
export async function readNewest(context: KindContext): Promise<KindReading> {
  const { kind, session, params, before, previousLines, previousParts, sweep, parents, begun } = context;
  const order = orderOf(kind);
  const url = filled(order.path, params);
  const given = new Map<string, Answer>();
  // What was begun before a wait goes on as it was begun.
  const isSweep = begun === undefined ? sweep : begun.sweptAt !== undefined;
  const since = isSweep || previousLines === undefined ? undefined : before?.newest;
  const isKnown = since !== undefined || (!sweep && before?.state === "EMPTY");
  const unchanged = begun === undefined && previousParts <= 1 && isKnown && (await isUnchanged(context, given));
  const begunAt = begun?.sweptAt ?? session.api.now().toISOString();
  const reach = reachOf(context);
  let firstEtag: string | undefined;
  let newest: string | number | undefined;
  let isBegun = false;
  let isSecond = false;
  let deleted: string[] = [];
  const list = { context, order, reach, given, onNewest: note };

  async function* wanted(): AsyncGenerator<Line> {
    firstEtag = undefined;
    newest = newestOf(begun?.facts) ?? since;
    isBegun = begun !== undefined;
    isSecond = begun?.facts.second === true;
    deleted = [];
    reach.begin();
    parents.begin(kind);
    yield* since === undefined ? swept() : added(since);
  }

  async function* added(from: string | number): AsyncGenerator<Line> {
    const fresh = new Set<string>();
    await passBegun(context, fresh);
    for await (const line of reach.untilWait(newerTwice(from, new Set(fresh)))) {
      if (fresh.has(line.key)) continue;
      fresh.add(line.key);
      reach.noteLine();
      parents.note(kind, line, true);
      yield line;
    }
    if (reach.stopped() !== undefined) return;
    for await (const line of previousLines?.() ?? []) {
      if (fresh.has(line.key)) continue;
      parents.note(kind, line, false);
      yield line;
    }
  }

  /**
   * What is changed in a wait comes to the first page from one that was yet to be read. So after it all is read once more that is newer than the list
   * was when it was begun.
   */
  async function* newerTwice(from: string | number, stored: ReadonlySet<string>): AsyncGenerator<Line> {
    const beganMs = session.api.now().getTime();
    if (!isSecond) yield* untilOlder(newerOf(list, from, stored), order, from);
    const hasWaited = begun !== undefined || session.api.now().getTime() - beganMs > LONG_MS;
    if (!hasWaited || order.by === "id") return;
    isSecond = true;
    const than = newest ?? from;
    yield* untilOlder(newerOf(list, than), order, than);
  }

  async function* swept(): AsyncGenerator<Line> {
    const known = await orderValues(previousLines, order);
    const isChanged = (line: Line) => known.get(line.key)?.value !== orderValue(line.json, order);
    const seen = new Set<string>();
    await passBegun(context, seen, isChanged);
    const missing = () => [...known.keys()].filter((key) => !seen.has(key));
    const all = async function* (): AsyncGenerator<Page> {
      yield* wholeOf(list, new Set(seen));
      // What was deleted meanwhile moves the rest up, past the page that was next: gone is only what is missing twice.
      if (missing().length === 0 || order.whole === undefined || isSecond) return;
      isSecond = true;
      yield* wholeOf(list);
    };
    for await (const line of once(kind, reach.untilWait(all()), seen)) {
      reach.noteLine();
      parents.note(kind, line, isChanged(line));
      yield line;
    }
    if (reach.stopped() !== undefined) return;
    deleted = missing();
    parents.deleted(
      kind,
      deleted.map((key) => known.get(key)?.field ?? key),
    );
  }

  function note(page: Page): void {
    firstEtag ??= page.etag;
    // A later page may show a change of a moment ago, and what was read before it may have been changed by then, too.
    if (!isBegun) for (const json of page.items) newest = later(newest, orderValue(json, order));
    isBegun = true;
  }

  return {
    unchanged,
    lines: wanted,
    stopped: reach.stopped,
    // For when the unit has to wait later on, and what is stored is all that there is to go by.
    facts: () => ({
      ...reach.facts(),
      ...(newest === undefined ? {} : { newest }),
      ...(since === undefined ? { sweptAt: begunAt } : {}),
      ...(reach.stopped() !== undefined && isSecond ? { second: true } : {}),
      // All is stored by then, so that this alone tells where a second reading goes on.
      ...(reach.stopped() !== undefined && isSecond && since === undefined ? { page: [...reach.page()] } : {}),
    }),
    state: () => ({
      // Of a list that went on after a wait the first page is another one.
      ...(firstEtag === undefined || begun !== undefined ? {} : { etags: { [url]: firstEtag } }),
      ...(newest === undefined ? {} : { newest }),
      sweptAt: since === undefined ? begunAt : (before?.sweptAt ?? begunAt),
    }),
    deleted: () => deleted,
  };
}

const newestOf = (facts: { readonly newest?: unknown } | undefined): string | number | undefined =>
  typeof facts?.newest === "string" || typeof facts?.newest === "number" ? facts.newest : undefined;

/** Ends at the first object that is older than what the last snapshot holds. */
async function* untilOlder(list: AsyncIterable<Page>, order: Newest, from: string | number): AsyncGenerator<Line> {
  for await (const { items } of list) {
    for (const json of items) {
      if (isOlder(orderValue(json, order), from)) return;
      yield { key: String(json.id), json };
    }
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
