import { kinds } from "./kinds/all.ts";
import type { Child, Reading } from "./kinds/kind.ts";
import { pages } from "./pages.ts";
import { filled, type KindContext } from "./reading.ts";
import { UnreadableError } from "./unreadable.ts";

type ParentContext = Pick<KindContext, "kind" | "session" | "params">;

/**
 * Whether a child is not there because its parent was deleted since it was listed: nobody is shown the parent by itself, and the list that it came from is
 * shown without it. A right that is lost shows in one of the two; a token that is not accepted any more may have been shown more than the others.
 */
export async function isParentGone(
  context: ParentContext,
  { path, param }: Child,
  of: unknown,
  { status }: Pick<UnreadableError, "status">,
): Promise<boolean> {
  const { session, params } = context;
  if (!isNotThere(status) || session.api.accounts.some(({ limits }) => limits.isRefused)) return false;
  const placeholder = `{${param}}`;
  const parent = path.slice(0, path.indexOf(placeholder) + placeholder.length);
  if (parent !== path) {
    const answer = await session.get(filled(parent, { ...params, [param]: String(of) }), FRESH);
    if (!isNotThere(answer.status)) return false;
  }
  return !(await isListed(context, of));
}

/** Left out of what is stored is only what none of the accounts is shown, by now. */
const FRESH = { again: true, isOptional: false };

/** An issue that was deleted is answered with 410. https://docs.github.com/en/rest/issues/issues#get-an-issue */
const isNotThere = (status: number): boolean => status === 404 || status === 410;

/** True as well where the list is not shown. */
async function isListed({ kind, session, params }: ParentContext, of: unknown): Promise<boolean> {
  const { path, items, field, isNewest } = parentList(kind.reading);
  const fresh = { ...session, get: (to: string, options = {}) => session.get(to, { ...options, ...FRESH }) };
  try {
    for await (const page of pages(fresh, filled(path, params), { items, absent: "FORBIDDEN" })) {
      if (page.items.some((parent) => String(parent[field]) === String(of))) return true;
      if (isNewest) return false;
    }
    return false;
  } catch (error) {
    if (error instanceof UnreadableError) return true;
    throw error;
  }
}

/** `isNewest`: what was changed last is on the first page. */
function parentList(reading: Reading) {
  if (reading.how === "each")
    return { path: reading.over, items: reading.overItems, field: reading.field, isNewest: false };
  const parent = reading.how === "changed" ? kinds.find(({ name }) => name === reading.parent)?.reading : undefined;
  if (reading.how !== "changed" || (parent?.how !== "newest" && parent?.how !== "list"))
    throw new Error("its parents are in no list");
  return { path: parent.path, items: undefined, field: reading.field, isNewest: parent.how === "newest" };
}
