import { DeferredError, SourceError } from "../../errors.ts";
import { childLine } from "./child-line.ts";
import type { Child } from "./kinds/kind.ts";
import type { Json } from "./pages.ts";
import { isParentGone } from "./parent-gone.ts";
import type { Etags, KindContext } from "./reading.ts";
import type { Answer } from "./response.ts";
import { isOfOneObject, UnreadableError } from "./unreadable.ts";

/** How far asking came. */
export interface Asked {
  /** The parent that was asked about last, whether or not it has children. */
  last?: unknown;
  /** Set where waiting is left to others: the rest goes on after `last`. */
  stopped?: DeferredError;
}

interface Known {
  readonly given?: Map<string, Answer>;
  readonly etags?: Etags;
}

/**
 * The children of each parent, in the parents' order; of a parent without any there is nothing. `asked` is kept up to date.
 * @throws as `childLine` does; a DeferredError only before anything was asked, since then there is nothing to keep
 */
export async function* askEach(
  context: KindContext,
  child: Child,
  parents: Iterable<unknown>,
  asked: Asked,
  known: Known = {},
): AsyncGenerator<{ readonly of: unknown; readonly json: Json }> {
  let isAny = false;
  for (const of of parents) {
    try {
      const json = await lineUnlessGone(context, child, of, known);
      isAny = true;
      asked.last = of;
      if (json !== undefined) yield { of, json };
    } catch (error) {
      if (!(error instanceof DeferredError) || !isAny) throw error;
      asked.stopped = error;
      return;
    }
  }
}

/** What was deleted since it was listed has no children. */
async function lineUnlessGone(
  context: KindContext,
  child: Child,
  of: unknown,
  known: Known,
): Promise<Json | undefined> {
  try {
    return await childLine(context, child, of, known);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    if (await isParentGone(context, child, of, error)) return undefined;
    // It says nothing of the others, and so neither that the kind is off nor that a right is missing.
    if (isOfOneObject(error))
      throw new SourceError(
        "SOURCE_NOT_FOUND",
        `${child.param} ${String(of)}, which may still be listed, has gone (${error.message})`,
        { cause: error },
      );
    throw error;
  }
}
