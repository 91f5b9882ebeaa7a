import { withInner } from "./inner-list.ts";
import { lineOf } from "./lines.ts";
import { type Json, lastingEtag, objectOf, pages, take } from "./pages.ts";
import { collectEtags, type Etags, filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";

/** Kinds that are read whole whenever any of it changed: an object, a list. */
export async function readSimple(context: KindContext): Promise<KindReading> {
  const { kind, session, previousLines, parents } = context;
  const given = new Map<string, Answer>();
  const unchanged = await isUnchanged(context, given);
  let etags = collectEtags();
  let deleted: string[] = [];
  return {
    unchanged,
    async *lines() {
      etags = collectEtags();
      deleted = [];
      const seen = new Set<string>();
      parents.begin(kind);
      for await (const json of objects(context, given, etags)) {
        const line = lineOf(kind, json);
        if (seen.has(line.key)) continue;
        seen.add(line.key);
        // Its lines are all new where any of them is.
        parents.note(kind, line, true);
        yield line;
      }
      for await (const { key } of previousLines?.() ?? []) if (!seen.has(key)) deleted.push(key);
      parents.deleted(kind, deleted);
    },
    state: () => ({ etags: etags.all(), sweptAt: session.api.now().toISOString() }),
    deleted: () => deleted,
  };
}

async function* objects(context: KindContext, given: Map<string, Answer>, etags: Etags): AsyncGenerator<Json> {
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
    case "list":
      for await (const page of pages(session, filled(reading.path, params), { items: reading.items, absent, given })) {
        etags.note(page.url, lastingEtag(page));
        for (const json of page.items) yield await withInner(context, reading.inner, json, { given, etags });
      }
      return;
    default:
      throw new Error(`${kind.name} is not read whole`);
  }
}
