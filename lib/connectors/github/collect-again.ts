import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { endKind } from "./end-kind.ts";
import { childrenOf, contextOf } from "./kind-context.ts";
import { kindItem } from "./kind-item.ts";
import type { Kind } from "./kinds/kind.ts";
import { readKind } from "./read-kind.ts";
import type { KindContext } from "./reading.ts";
import type { KindState } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import { UnreadableError } from "./unreadable.ts";
import { watched } from "./watched-reading.ts";

/**
 * Holds a kind to what a check knows of it. What comes to a list with an old date, such as the comments of an issue that was transferred here, is on none
 * of its newest pages: so where there is a hole, all of it is read once, in the place of what was stored, and the check has the last word.
 * @throws SourceError `SOURCE_INCOMPLETE`
 */
export async function* heldTo(work: SubjectWork, kind: Kind, check: () => Promise<void>): AsyncGenerator<Item> {
  try {
    await check();
    return;
  } catch (error) {
    if (!isMendable(work, kind, error, work.states.get(kind.name))) throw error;
  }
  try {
    yield* collectAgain(work, kind);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new SourceError("SOURCE_INCOMPLETE", `what is missing cannot be read (${error.message})`, { cause: error });
  }
  await check();
}

/** Whether there is a hole in a list of which not all was read in this run. */
export const isMendable = (
  { readAgain, startedAt }: Pick<SubjectWork, "readAgain" | "startedAt">,
  { name, reading }: Kind,
  error: unknown,
  state: Pick<KindState, "sweptAt"> | undefined,
): boolean =>
  error instanceof SourceError &&
  error.code === "SOURCE_INCOMPLETE" &&
  reading.how === "newest" &&
  !readAgain.has(name) &&
  state?.sweptAt !== undefined &&
  Date.parse(state.sweptAt) < startedAt.getTime();

/** All of a kind, and then what hangs on it where that was asked for already. */
export async function* collectAgain(work: SubjectWork, kind: Kind): AsyncGenerator<Item> {
  work.readAgain.add(kind.name);
  yield* storedAgain(work, contextOf(work, kind, { whole: true }));
  for (const child of childrenOf(work, kind))
    if (work.states.has(child.name)) yield* storedAgain(work, contextOf(work, child));
}

async function* storedAgain(work: SubjectWork, context: KindContext): AsyncGenerator<Item> {
  const { kind, begun } = context;
  const reading = watched(work, context, await readKind(context));
  if (reading.unchanged) return;
  const part = (begun?.parts.length ?? 0) + 1;
  yield kindItem(kind, reading.lines, { part, more: () => reading.facts?.() ?? {}, replaces: true });
  const stopped = reading.stopped?.();
  if (stopped !== undefined) throw stopped;
  await endKind(work, context, reading.end("READ"));
}
