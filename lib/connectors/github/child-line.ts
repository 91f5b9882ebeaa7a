import type { Child, Path } from "./kinds/kind.ts";
import { type Json, lastingEtag, objectOf, pages, take } from "./pages.ts";
import { type Etags, filled, type KindContext } from "./reading.ts";
import type { Answer } from "./response.ts";
import { UnreadableError } from "./unreadable.ts";
import { withFields } from "./with-fields.ts";

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
