import { type GoneItems, goneItems, itemIds } from "./gone-items.ts";
import { withInner } from "./inner-list.ts";
import type { Child, Path } from "./kinds/kind.ts";
import { lineOf } from "./lines.ts";
import { type Json, lastingEtag, objectOf, pages, take } from "./pages.ts";
import { collectEtags, type Etags, filled, isUnchanged, type KindContext, type KindReading } from "./reading.ts";
import type { Answer } from "./response.ts";
import { UnreadableError } from "./unreadable.ts";
import { withFields } from "./with-fields.ts";

/** Kinds that are read whole whenever any of it changed: an object, a list, a short list with a question for each. */
export async function readSimple(context: KindContext): Promise<KindReading> {
  const { kind, session, previousLines, parents } = context;
  const given = new Map<string, Answer>();
  const unchanged = await isUnchanged(context, given);
  let etags = collectEtags();
  let deleted: string[] = [];
  let deletedItems: GoneItems[] = [];
  return {
    unchanged,
    async *lines() {
      etags = collectEtags();
      deleted = [];
      const seen = new Map<string, ReadonlySet<string>>();
      deletedItems = [];
      parents.begin(kind);
      for await (const json of objects(context, given, etags)) {
        const line = lineOf(kind, json);
        if (seen.has(line.key)) continue;
        seen.set(line.key, itemIds(line.json));
        // Its lines are all new where any of them is.
        parents.note(kind, line, true);
        yield line;
      }
      for await (const line of previousLines?.() ?? []) {
        const now = seen.get(line.key);
        const gone = now === undefined ? undefined : goneItems(line, now);
        if (now === undefined) deleted.push(line.key);
        else if (gone !== undefined && kind.reading.how === "each") deletedItems.push(gone);
      }
      parents.deleted(kind, deleted);
    },
    state: () => ({ etags: etags.all(), sweptAt: session.api.now().toISOString() }),
    deleted: () => deleted,
    deletedItems: () => deletedItems,
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
    case "each":
      for await (const page of pages(session, filled(reading.over, params), {
        items: reading.overItems,
        absent,
        given,
      })) {
        etags.note(page.url, lastingEtag(page));
        for (const parent of page.items) {
          if (reading.child.when?.(parent) === false) continue;
          const line = await childLine(context, reading.child, parent[reading.field], { given, etags });
          if (line !== undefined) yield line;
        }
      }
      return;
    default:
      throw new Error(`${kind.name} is not read whole`);
  }
}

/**
 * The children of one parent, as one line; undefined where there are none.
 * @throws as `pages` does
 */
export async function childLine(
  { kind, session, params }: Pick<KindContext, "kind" | "session" | "params">,
  child: Child,
  of: unknown,
  { given, etags }: { readonly given?: Map<string, Answer>; readonly etags?: Etags } = {},
): Promise<Json | undefined> {
  const filledFor = (path: Path) => filled(path, { ...params, [child.param]: String(of) });
  const url = filledFor(child.path);
  const { absent = "FORBIDDEN" } = kind;
  if (child.one === true) return oneChild(of, url, take(given, url) ?? (await session.get(url)), absent, etags);
  const list = async (path: Path): Promise<readonly Json[]> => {
    const found: Json[] = [];
    for await (const page of pages(session, path, {
      items: child.items,
      absent,
      ...(given === undefined ? {} : { given }),
    })) {
      etags?.note(page.url, lastingEtag(page));
      found.push(...page.items);
    }
    return found;
  };
  const items =
    child.fields === undefined ? await list(url) : await withFields(url, await list(filledFor(child.fields)), list);
  return items.length === 0 ? undefined : { of, items };
}

function oneChild(
  of: unknown,
  url: string,
  answer: Answer,
  absent: "DISABLED" | "FORBIDDEN",
  etags?: Etags,
): Json | undefined {
  try {
    const item = objectOf(answer, url, absent);
    etags?.note(url, answer.headers.get("etag") ?? undefined);
    return { of, item };
  } catch (error) {
    // A branch of which a ruleset alone says that it is protected.
    if (error instanceof UnreadableError && /not protected/i.test(error.message)) return undefined;
    throw error;
  }
}
