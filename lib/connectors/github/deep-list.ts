import { SourceError } from "../../errors.ts";
import type { PerIssue } from "./kinds/kind.ts";
import { type Newest, orderValue } from "./newest-order.ts";
import { objectOf, type Page, pages, TooDeepError } from "./pages.ts";
import { filled, type KindContext } from "./reading.ts";
import { UnreadableError } from "./unreadable.ts";

/**
 * A list that GitHub cuts off for its length, in another way: in windows by `since`, or issue by issue. What moves meanwhile comes twice. `place` is
 * where it goes on after a wait.
 * @throws SourceError `SOURCE_INCOMPLETE` where there is no other way
 */
export async function* deepList(
  context: KindContext,
  order: Newest,
  { cut, place }: { readonly cut?: TooDeepError; readonly place?: string },
): AsyncGenerator<Page> {
  if (order.windows !== undefined) yield* inWindows(context, { by: "updated_at", path: order.windows }, place);
  else if (order.each !== undefined) yield* issueByIssue(context, order.each, place);
  else throw noEnd(context, cut);
}

const BEGINNING = "1970-01-01T00:00:00Z";

/**
 * From the oldest on, each page from the last moment of the one before, so that none is deep and nothing that moves is missed.
 * Pages that are all of one second are followed as GitHub links them.
 */
async function* inWindows(
  context: KindContext,
  order: Pick<Newest, "by" | "path">,
  from = BEGINNING,
): AsyncGenerator<Page> {
  const { kind, session, params } = context;
  const path = filled(order.path, params);
  let since = from;
  for (;;) {
    let last = since;
    try {
      for await (const page of pages(session, `${path}&since=${encodeURIComponent(since)}`, {
        absent: kind.absent ?? "FORBIDDEN",
      })) {
        yield { ...page, place: since };
        if (page.isLast) return;
        const newest = page.items.at(-1);
        if (newest !== undefined) last = String(orderValue(newest, order));
        if (last > since) break;
      }
    } catch (error) {
      if (error instanceof TooDeepError) throw noEnd(context, error);
      throw error;
    }
    since = last;
  }
}

/** Objects of a list of one issue do not say whose they are; they get `issue_number`. The place is the issue's window, and its number in it. */
async function* issueByIssue(context: KindContext, each: PerIssue, from = BEGINNING): AsyncGenerator<Page> {
  const { session, params } = context;
  const [begin, last] = from.split(" ");
  const seen = new Set<unknown>();
  let isFirst = true;
  for await (const { items, place: since } of inWindows(context, { by: "updated_at", path: each.over }, begin)) {
    const at = isFirst ? items.findIndex(({ number }) => String(number) === last) : 0;
    isFirst = false;
    for (const { number } of items.slice(0, Math.max(at, 0))) seen.add(number);
    for (const issue of items) {
      const { number } = issue;
      if (seen.has(number) || each.when?.(issue) === false) continue;
      seen.add(number);
      const place = `${since} ${String(number)}`;
      const url = filled(each.path, { ...params, [each.param]: String(number) });
      try {
        if (each.one === true) {
          const items = [objectOf(await session.get(url), url, "FORBIDDEN")];
          yield { url, place, etag: undefined, items, isLast: false };
          continue;
        }
        for await (const page of pages(session, url, { absent: "FORBIDDEN" }))
          yield { ...page, place, items: page.items.map((json) => ({ ...json, issue_number: number })), isLast: false };
      } catch (error) {
        // Deleted or moved away since it was listed a moment ago; a right that is missing shows in the list.
        if (!(error instanceof UnreadableError) || (error.status !== 404 && error.status !== 410)) throw error;
      }
    }
  }
}

function noEnd({ kind }: KindContext, cause: TooDeepError | undefined): SourceError {
  return new SourceError(
    "SOURCE_INCOMPLETE",
    `GitHub ends the list of ${kind.name} before its end: ${cause?.message}`,
    {
      cause,
    },
  );
}
