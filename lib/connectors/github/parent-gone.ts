import type { Child } from "./kinds/kind.ts";
import { filled, type KindContext } from "./reading.ts";
import type { UnreadableError } from "./unreadable.ts";

/** Whether a child is not there because its parent was deleted since it was listed: the parent is asked for, where the child is not the parent itself. */
export async function isParentGone(
  { session, params }: Pick<KindContext, "session" | "params">,
  { path, param }: Child,
  of: unknown,
  error: UnreadableError,
): Promise<boolean> {
  if (error.status !== 404) return false;
  const placeholder = `{${param}}`;
  const parent = path.slice(0, path.indexOf(placeholder) + placeholder.length);
  if (parent === path) return false;
  const url = filled(parent, { ...params, [param]: String(of) });
  // Left out of what is stored is only what none of the accounts is shown.
  const { status } = await session.get(url, { again: true, isOptional: false });
  return status === 404 || status === 410;
}
