import { DeferredError, SourceError } from "../../errors.ts";
import type { Facts } from "../connector.ts";
import { begunIds } from "./begun-ids.ts";
import { childLine } from "./child-line.ts";
import { type GoneItems, goneItems, itemIds } from "./gone-items.ts";
import { lineOf } from "./lines.ts";
import { isParentGone } from "./parent-gone.ts";
import type { KindContext, KindReading } from "./reading.ts";
import { UnreadableError } from "./unreadable.ts";

const NONE: ReadonlySet<string> = new Set();

/**
 * Children of another kind's objects: asked for where that object changed, taken from the last snapshot where it did not. Where waiting is left to others,
 * what was asked for by then is an artifact of its own, and the rest goes on from there.
 */
export async function readChanged(context: KindContext): Promise<KindReading> {
  const { kind, session, before, previousLines, previousParts, sweep, parents, begun } = context;
  const { reading } = kind;
  if (reading.how !== "changed") throw new Error(`${kind.name} has no parent`);
  const { child, parent } = reading;
  const notes = parents.of(parent);
  if (notes === undefined)
    throw new SourceError("SOURCE_INCOMPLETE", `${parent} could not be read, on which ${kind.name} hangs`);
  const isFirst = before === undefined || (before.state === "READ" && previousLines === undefined);
  const startedAt = session.api.now().toISOString();
  const isSwept = isFirst || (sweep && reading.drifts === true);
  const sweptAt = begun === undefined ? (isSwept ? startedAt : undefined) : begun.sweptAt;
  const asked = ((sweptAt !== undefined ? notes.all : notes.changed).get(kind.name) ?? []).toSorted(
    (a, b) => Number(a) - Number(b),
  );
  let deleted: string[] = [];
  let deletedItems: GoneItems[] = [];
  let stopped: DeferredError | undefined;
  let through = Number(begun?.through ?? Number.NEGATIVE_INFINITY);

  return {
    unchanged: !isFirst && begun === undefined && asked.length === 0 && notes.outdated.size === 0 && previousParts <= 1,
    async *lines() {
      deleted = [];
      deletedItems = [];
      stopped = undefined;
      through = Number(begun?.through ?? Number.NEGATIVE_INFINITY);
      let isAny = false;
      let hidden: UnreadableError | undefined;
      const stored = (await begunIds(context)) ?? new Map<string, ReadonlySet<string>>();
      // By parent: which objects it has now.
      const fresh = new Map<string, ReadonlySet<string>>([...asked.map((of) => [of, NONE] as const), ...stored]);
      // Parents up to the one that was asked about last are done, whether or not they have children.
      for (const of of asked.filter((one) => begun === undefined || Number(one) > Number(begun.through))) {
        try {
          const json = await childLine(context, child, Number(of));
          isAny = true;
          through = Math.max(through, Number(of));
          if (json === undefined) continue;
          fresh.set(of, itemIds(json));
          yield lineOf(kind, json);
        } catch (error) {
          if (error instanceof UnreadableError && (await isParentGone(context, child, of, error))) {
            hidden ??= error;
            continue;
          }
          // Before anything was asked there is nothing to keep.
          if (!(error instanceof DeferredError) || !isAny) throw error;
          stopped = error;
          return;
        }
      }
      // Where not one child is shown, it is no deletion but a right that is missing.
      if (hidden !== undefined && !isAny) throw hidden;
      for await (const line of previousLines?.() ?? []) {
        const now = fresh.get(line.key);
        const gone = now === undefined ? undefined : goneItems(line, now);
        if (gone !== undefined) deletedItems.push(gone);
        if (now !== undefined) continue;
        if (notes.outdated.has(line.key)) deleted.push(line.key);
        else yield line;
      }
    },
    stopped: () => stopped,
    facts: (): Facts => ({
      ...(stopped === undefined ? {} : { through }),
      ...(sweptAt === undefined ? {} : { sweptAt }),
    }),
    state: () => ({ sweptAt: sweptAt ?? before?.sweptAt ?? startedAt }),
    deleted: () => deleted,
    deletedItems: () => deletedItems,
  };
}
