import type { Item } from "../connector.ts";
import { unchangedItem } from "./bundles.ts";
import { kindItem, peeked } from "./kind-item.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { readKind } from "./read-kind.ts";
import type { KindContext, KindReading } from "./reading.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";
import { UnreadableError } from "./unreadable.ts";

/** One kind after the other, each an item where it has lines. What fails with one leaves the others alone. */
export async function* collectKinds(work: SubjectWork, kinds: readonly Kind[]): AsyncGenerator<Item> {
  for (const kind of kinds) {
    if (work.subject !== undefined && kind.off?.(work.subject) === true) {
      noteBarrier(work, kind.name, { barrier: "DISABLED", message: "the repository says so" }, true);
      continue;
    }
    try {
      yield* collectKind(work, kind);
    } catch (error) {
      if (error instanceof UnreadableError) noteBarrier(work, kind.name, error, error.status === 410);
      else work.failures.add(kind.name, error);
    }
  }
}

async function* collectKind(work: SubjectWork, kind: Kind): AsyncGenerator<Item> {
  const before = stateBefore(work, kind);
  const context = contextOf(work, kind);
  const reading = watched(work, kind, await readKind(context));
  if (reading.unchanged && before !== undefined) {
    await passBefore(work, kind, context);
    work.states.set(kind.name, before);
    if (before.state !== "READ") return;
    yield unchangedItem(kindItem(kind, reading.lines));
    // It had to be read after all when what should be there was not.
    if (reading.ended()) work.states.set(kind.name, { state: "READ", ...reading.state() });
    return;
  }
  const begun = await peeked(reading.lines());
  if (begun === undefined) {
    work.tombstones.add(kind, reading.deleted(), context.previousLines);
    work.states.set(kind.name, { state: "EMPTY", ...reading.state() });
    return;
  }
  try {
    yield kindItem(kind, reading.lines, begun);
  } finally {
    await begun.return?.();
  }
  // It was stored before we had to wait, so it was not read again: others may still need to see it pass.
  if (!reading.ended() && isNeeded(work, kind)) for await (const _ of reading.lines());
  work.tombstones.add(kind, reading.ended() ? reading.deleted() : [], context.previousLines);
  work.states.set(kind.name, { state: "READ", ...(reading.ended() ? reading.state() : {}) });
}

const stateBefore = ({ previous }: SubjectWork, { name }: Kind) => previous.stateOf(name, `${name}.jsonl`);

function contextOf({ session, params, previous, parents, fullEveryMs }: SubjectWork, kind: Kind): KindContext {
  const before = previous.stateOf(kind.name, `${kind.name}.jsonl`);
  const sweptAt = before?.sweptAt === undefined ? undefined : Date.parse(before.sweptAt);
  const sweep = sweptAt === undefined || session.api.now().getTime() - sweptAt >= fullEveryMs;
  return { kind, session, params, before, previousLines: previous.linesOf(kind), sweep, parents };
}

/** Tells when the lines have passed, and looks at the one that says what the subject is. */
function watched(work: SubjectWork, kind: Kind, reading: KindReading): KindReading & { ended(): boolean } {
  let ended = false;
  return {
    ...reading,
    async *lines(): AsyncGenerator<Line> {
      ended = false;
      for await (const line of reading.lines()) {
        if (isSubject(kind)) work.subject = line.json;
        work.observers.get(kind.name)?.(line.json);
        yield line;
      }
      ended = true;
    },
    ended: () => ended,
  };
}

/** An unchanged kind's lines are only read where someone has to see them: what the subject is, and whose children are read anew. */
async function passBefore(work: SubjectWork, kind: Kind, { previousLines, parents }: KindContext): Promise<void> {
  parents.begin(kind);
  const children = childrenOf(work, kind);
  const isAsked = children.some((child) => stateBefore(work, child) === undefined || contextOf(work, child).sweep);
  const observer = work.observers.get(kind.name);
  if (!isSubject(kind) && !isAsked && observer === undefined) return;
  for await (const line of previousLines?.() ?? []) {
    if (isSubject(kind)) work.subject = line.json;
    observer?.(line.json);
    parents.note(kind, line, false);
  }
}

const isSubject = ({ name }: Kind): boolean => name === "repository" || name === "organization" || name === "user";
const isNeeded = (work: SubjectWork, kind: Kind): boolean =>
  isSubject(kind) || work.observers.has(kind.name) || childrenOf(work, kind).length > 0;
const childrenOf = ({ kinds }: SubjectWork, { name }: Kind): readonly Kind[] =>
  kinds.filter(({ reading }) => reading.how === "changed" && reading.parent === name);
