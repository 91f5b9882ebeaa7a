import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { endKind } from "./end-kind.ts";
import { noteStored } from "./kept-notes.ts";
import { childrenOf, contextOf } from "./kind-context.ts";
import { kindItem } from "./kind-item.ts";
import { isPartOf } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { readKind } from "./read-kind.ts";
import { checkEnd } from "./reading.ts";
import type { KindState } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import { watched } from "./watched-reading.ts";

/**
 * All of a list, in the place of what was stored of it. What hangs on it was asked for by the objects that it had, so all parts of that are given up
 * with it: whoever collects those kinds after it begins them anew.
 */
export async function* collectAgain(work: SubjectWork, kind: Kind): AsyncGenerator<Item> {
  work.readAgain.add(kind.name);
  const context = contextOf(work, kind, { whole: true });
  const reading = watched(work, context, await readKind(context));
  const given = [kind, ...childrenOf(work, kind)];
  yield kindItem(kind, reading.lines, {
    more: () => ({ ...reading.facts?.(), readAgain: true }),
    replaces: (name) => given.some((one) => isPartOf(one, name)),
  });
  noteStored(work, kind, reading);
  checkEnd(reading);
  await endKind(work, context, reading.end("READ"));
}

/** Whether there is a hole in a list of which not all was read just now: some of it is of the last snapshot, or of before a wait. `state` is left out for what was stored before a wait. */
export const isMendable = (
  { readAgain, startedAt }: Pick<SubjectWork, "readAgain" | "startedAt">,
  { name, reading }: Kind,
  error: unknown,
  state?: Pick<KindState, "sweptAt">,
): boolean =>
  error instanceof SourceError &&
  error.code === "SOURCE_INCOMPLETE" &&
  (reading.how === "newest" || reading.how === "list") &&
  !readAgain.has(name) &&
  (state?.sweptAt === undefined || Date.parse(state.sweptAt) < startedAt.getTime());
