import { SourceError } from "../../errors.ts";
import type { Facts } from "../connector.ts";
import { type Asked, askEach } from "./ask-each.ts";
import { begunIds } from "./begun-ids.ts";
import { type GoneItems, goneItems, itemIds } from "./gone-items.ts";
import { partFacts } from "./kind-parts.ts";
import { lineOf } from "./lines.ts";
import type { KindContext, KindReading } from "./reading.ts";

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
  const numbers = ((sweptAt !== undefined ? notes.all : notes.changed).get(kind.name) ?? []).toSorted(
    (a, b) => Number(a) - Number(b),
  );
  let deleted: string[] = [];
  let deletedItems: GoneItems[] = [];
  let asked: Asked = {};
  const factsOf = partFacts(begun);

  return {
    unchanged:
      !isFirst && begun === undefined && numbers.length === 0 && notes.outdated.size === 0 && previousParts <= 1,
    async *lines() {
      deleted = [];
      deletedItems = [];
      asked = {};
      const stored = (await begunIds(context)) ?? new Map<string, ReadonlySet<string>>();
      // By parent: which objects it has now.
      const fresh = new Map<string, ReadonlySet<string>>([...numbers.map((of) => [of, NONE] as const), ...stored]);
      // Parents up to the one that was asked about last are done, whether or not they have children.
      const left = numbers.map(Number).filter((one) => begun === undefined || one > Number(begun.through));
      for await (const { of, json } of askEach(context, child, left, asked)) {
        fresh.set(String(of), itemIds(json));
        yield lineOf(kind, json);
      }
      if (asked.stopped !== undefined) return;
      for await (const line of previousLines?.() ?? []) {
        const now = fresh.get(line.key);
        const gone = now === undefined ? undefined : goneItems(line, now);
        if (gone !== undefined) deletedItems.push(gone);
        if (now !== undefined) continue;
        if (notes.outdated.has(line.key)) deleted.push(line.key);
        else yield line;
      }
    },
    stopped: () => asked.stopped,
    facts: (): Facts => ({
      ...factsOf(asked.stopped === undefined ? undefined : Number(asked.last)),
      ...(sweptAt === undefined ? {} : { sweptAt }),
    }),
    state: () => ({ sweptAt: sweptAt ?? before?.sweptAt ?? startedAt }),
    deleted: () => deleted,
    deletedItems: () => deletedItems,
  };
}
