import { withInner } from "./inner-list.ts";
import { lineOf } from "./lines.ts";
import { type GoingOn, type Json, lastingEtag, objectOf, pages, take } from "./pages.ts";
import { goingOn, passBegun, type Reach, reachOf } from "./reach.ts";
import { collectEtags, type Etags, filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";

/** Kinds that are read whole whenever any of it changed: an object, a list. */
export async function readSimple(context: KindContext): Promise<KindReading> {
  const { kind, session, previousLines, previousParts, parents, begun } = context;
  const given = new Map<string, Answer>();
  const unchanged = begun === undefined && previousParts <= 1 && (await isUnchanged(context, given));
  const reach = reachOf(context);
  let etags = collectEtags();
  let deleted: string[] = [];
  return {
    unchanged,
    async *lines() {
      etags = collectEtags();
      deleted = [];
      reach.begin();
      const seen = new Set<string>();
      parents.begin(kind);
      // Its lines are all new where any of them is.
      await passBegun(context, seen);
      const from = goingOn(context, new Set(seen));
      for await (const json of reach.untilWait(objects(context, { given, etags, reach, from }))) {
        const line = lineOf(kind, json);
        if (seen.has(line.key)) continue;
        seen.add(line.key);
        reach.noteLine();
        parents.note(kind, line, true);
        yield line;
      }
      if (reach.stopped() !== undefined) return;
      for await (const { key } of previousLines?.() ?? []) if (!seen.has(key)) deleted.push(key);
      parents.deleted(kind, deleted);
    },
    stopped: reach.stopped,
    facts: reach.facts,
    // Those of what was read before a wait are not known any more, so that the next run reads all of it.
    state: () => ({ etags: begun === undefined ? etags.all() : undefined, sweptAt: session.api.now().toISOString() }),
    deleted: () => deleted,
  };
}

interface Known {
  readonly given: Map<string, Answer>;
  readonly etags: Etags;
  readonly reach: Reach;
  readonly from: GoingOn | undefined;
}

async function* objects(context: KindContext, { given, etags, reach, from }: Known): AsyncGenerator<Json> {
  const { kind, session, params } = context;
  const { reading, absent = "FORBIDDEN" } = kind;
  switch (reading.how) {
    case "object": {
      const url = filled(reading.path, params);
      const answer = take(given, url) ?? (await session.get(url));
      const object = objectOf(answer, url, absent);
      etags.note(url, answer.headers.get("etag") ?? undefined);
      yield object;
      return;
    }
    case "list": {
      const list = pages(session, filled(reading.path, params), { items: reading.items, absent, given, from });
      for await (const page of reach.noted("whole", list)) {
        etags.note(page.url, lastingEtag(page));
        for (const json of page.items) {
          if (from?.isStored(json) !== true) yield await withInner(context, reading.inner, json, { given, etags });
        }
      }
      return;
    }
    default:
      throw new Error(`${kind.name} is not read whole`);
  }
}
