import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { collectAgain, isMendable } from "./collect-again.ts";
import { collectKinds } from "./collect-kinds.ts";
import { doubt } from "./end-kind.ts";
import { childrenOf } from "./kind-context.ts";
import type { Kind } from "./kinds/kind.ts";
import { wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import { UnreadableError } from "./unreadable.ts";

/**
 * Holds a kind to what a check knows of it. What comes to a list with an old date, such as the comments of an issue that was transferred here, is on none
 * of its newest pages: so where there is a hole, all of it is read once, in the place of what was stored, and the check has the last word.
 * @throws SourceError `SOURCE_INCOMPLETE`
 */
export async function* heldTo(work: SubjectWork, kind: Kind, check: () => Promise<void>): AsyncGenerator<Item> {
  try {
    yield* mended(work, kind, check);
  } catch (error) {
    doubt(work, kind);
    throw error;
  }
}

async function* mended(work: SubjectWork, kind: Kind, check: () => Promise<void>): AsyncGenerator<Item> {
  try {
    await check();
    return;
  } catch (error) {
    if (!isMendable(work, kind, error, work.states.get(kind.name))) throw error;
  }
  const children = childrenOf(work, kind).filter(({ name }) => wasReadable(work.states.get(name)?.state));
  try {
    yield* collectAgain(work, kind);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new SourceError("SOURCE_INCOMPLETE", `what is missing cannot be read (${error.message})`, { cause: error });
  }
  for (const child of children) {
    // In its place among the states, which are compared with the last snapshot's.
    work.states.set(child.name, { state: "FAILED" });
    work.empty.delete(child);
    work.tombstones.drop(child);
  }
  yield* collectKinds(work, children);
  await check();
}
