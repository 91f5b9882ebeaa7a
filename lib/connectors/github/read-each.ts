import { type Asked, askEach } from "./ask-each.ts";
import { begunIds } from "./begun-ids.ts";
import { type GoneItems, goneItems, itemIds } from "./gone-items.ts";
import { partFacts } from "./kind-parts.ts";
import type { Kind, Reading } from "./kinds/kind.ts";
import { lineOf } from "./lines.ts";
import { lastingEtag, pages } from "./pages.ts";
import { collectEtags, type Etags, filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";

type Each = Extract<Reading, { readonly how: "each" }>;

/**
 * A short list, and for each of its objects another question, in the order of what they are called; all is read whenever any of it changed. Where waiting
 * is left to others, what was asked for by then is an artifact of its own, and the rest goes on from there.
 */
export async function readEach(context: KindContext): Promise<KindReading> {
  const { kind, session, previousLines, previousParts, begun } = context;
  const reading = eachOf(kind);
  const given = new Map<string, Answer>();
  const unchanged = begun === undefined && previousParts <= 1 && (await isUnchanged(context, given));
  let etags = collectEtags();
  let deleted: string[] = [];
  let deletedItems: GoneItems[] = [];
  let asked: Asked = {};
  const factsOf = partFacts(begun);

  return {
    unchanged,
    async *lines() {
      etags = collectEtags();
      deleted = [];
      deletedItems = [];
      asked = {};
      const stored = await begunIds(context);
      const seen = new Map(stored);
      const parents = await parentsOf(context, reading, given, etags);
      const left = parents.filter(([called]) => begun === undefined || isAfter(called, begun.through));
      const of = left.map(([, one]) => one);
      for await (const { json } of askEach(context, reading.child, of, asked, { given, etags })) {
        const line = lineOf(kind, json);
        seen.set(line.key, itemIds(json));
        yield line;
      }
      if (asked.stopped !== undefined) return;
      for await (const line of previousLines?.() ?? []) {
        const now = seen.get(line.key);
        const gone = now === undefined ? undefined : goneItems(line, now);
        if (gone !== undefined) deletedItems.push(gone);
        // Of what is stored and sealed to us nobody can say that it is gone.
        else if (now === undefined && (stored !== undefined || begun === undefined || isAfter(line.key, begun.through)))
          deleted.push(line.key);
      }
    },
    stopped: () => asked.stopped,
    facts: () => factsOf(asked.stopped === undefined ? undefined : String(asked.last)),
    state: () => ({
      // Those of what was read before the wait are not known any more, so that the next run reads all of it.
      etags: begun === undefined ? etags.all() : undefined,
      sweptAt: session.api.now().toISOString(),
    }),
    deleted: () => deleted,
    deletedItems: () => deletedItems,
  };
}

/** What the list's objects are called, and what they are called by, in an order that is the same after a wait. */
async function parentsOf(
  { kind, session, params }: KindContext,
  { over, overItems, field, child }: Each,
  given: Map<string, Answer>,
  etags: Etags,
): Promise<readonly (readonly [called: string, of: unknown])[]> {
  const found = new Map<string, unknown>();
  const { absent = "FORBIDDEN" } = kind;
  for await (const page of pages(session, filled(over, params), { items: overItems, absent, given })) {
    etags.note(page.url, lastingEtag(page));
    for (const parent of page.items) {
      if (child.when?.(parent) !== false) found.set(String(parent[field]), parent[field]);
    }
  }
  return [...found].toSorted(([a], [b]) => (isAfter(a, b) ? 1 : -1));
}

const isAfter = (called: string, other: string | number): boolean => called > String(other);

function eachOf({ name, reading }: Kind): Each {
  if (reading.how !== "each") throw new Error(`${name} has no list to ask about`);
  return reading;
}
