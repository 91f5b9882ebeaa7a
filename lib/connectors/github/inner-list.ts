import type { Inner } from "./kinds/kind.ts";
import { isObject, type Json, lastingEtag, pages } from "./pages.ts";
import { type Etags, filled, type KindContext } from "./reading.ts";
import type { Answer } from "./response.ts";
import { UnreadableError } from "./unreadable.ts";

/** GitHub's largest page. It does not say where it ends a list within an object; more than half of this has been seen there. */
const LONG = 100;

/**
 * An object with all of its `inner` list: a long one is read by itself, to its end. As it came where that adds nothing.
 * https://docs.github.com/en/rest/releases/assets#list-release-assets
 */
export async function withInner(
  { kind, session, params }: Pick<KindContext, "kind" | "session" | "params">,
  inner: Inner | undefined,
  json: Json,
  { given, etags }: { readonly given: Map<string, Answer>; readonly etags: Etags },
): Promise<Json> {
  const list = inner === undefined ? undefined : json[inner.field];
  if (inner === undefined || !Array.isArray(list) || list.length < LONG) return json;
  const all = new Map(list.filter(isObject).map((item) => [item.id, item]));
  const { absent = "FORBIDDEN" } = kind;
  const path = filled(inner.path, { ...params, [inner.param]: String(json.id) });
  try {
    for await (const page of pages(session, path, { absent, given })) {
      etags.note(page.url, lastingEtag(page));
      for (const item of page.items) all.set(item.id, item);
    }
  } catch (error) {
    // Deleted since it was listed a moment ago.
    if (!(error instanceof UnreadableError) || error.status !== 404) throw error;
  }
  return all.size === list.length ? json : { ...json, [inner.field]: [...all.values()] };
}
