import { SourceError } from "../../errors.ts";
import { lineOf } from "./lines.ts";
import { childLine } from "./read-simple.ts";
import type { KindContext, KindReading } from "./reading.ts";

/** Children of another kind's objects: asked for where that object changed, taken from the last snapshot where it did not. */
export async function readChanged(context: KindContext): Promise<KindReading> {
  const { kind, session, before, previousLines, sweep, parents } = context;
  const { reading } = kind;
  if (reading.how !== "changed") throw new Error(`${kind.name} has no parent`);
  const { child, parent } = reading;
  const notes = parents.of(parent);
  if (notes === undefined)
    throw new SourceError("SOURCE_INCOMPLETE", `${parent} could not be read, on which ${kind.name} hangs`);
  const isFirst = before === undefined || (before.state === "READ" && previousLines === undefined);
  const all = isFirst || (sweep && reading.drifts === true);
  const asked = (all ? notes.all : notes.changed).get(kind.name) ?? [];
  const begun = session.api.now().toISOString();
  let deleted: string[] = [];
  return {
    unchanged: !isFirst && asked.length === 0 && notes.outdated.size === 0,
    async *lines() {
      deleted = [];
      const fresh = new Set<string>();
      for (const of of asked) {
        fresh.add(of);
        const json = await childLine(context, child, Number(of));
        if (json !== undefined) yield lineOf(kind, json);
      }
      for await (const line of previousLines?.() ?? []) {
        if (fresh.has(line.key)) continue;
        if (notes.outdated.has(line.key)) deleted.push(line.key);
        else yield line;
      }
    },
    state: () => ({ sweptAt: all ? begun : (before?.sweptAt ?? begun) }),
    deleted: () => deleted,
  };
}
