import type { Item } from "../connector.ts";
import { checkCount } from "./count-check.ts";
import { hearKept } from "./kept-lines.ts";
import { keptState } from "./kept-state.ts";
import { kindItem, peeked } from "./kind-item.ts";
import { begunKind, partName } from "./kind-parts.ts";
import type { Kind, Subject } from "./kinds/kind.ts";
import { type Line, noLines } from "./lines.ts";
import { readKind } from "./read-kind.ts";
import { isAsProbed, type KindContext, type KindReading } from "./reading.ts";
import type { KindState } from "./state.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS } from "./texts.ts";
import type { Gone } from "./tombstones.ts";
import { unchangedItem } from "./unchanged-item.ts";
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
      if (error instanceof UnreadableError) noteBarrier(work, kind.name, error, TOLD.has(error.status));
      else work.failures.add(kind.name, error);
    }
  }
}

/** GitHub itself says that it is switched off, or that another setting is chosen. */
const TOLD: ReadonlySet<number> = new Set([409, 410]);

async function* collectKind(work: SubjectWork, kind: Kind): AsyncGenerator<Item> {
  const before = stateBefore(work, kind);
  const context = contextOf(work, kind);
  const reading = watched(work, context, await readKind(context));
  const probed = context.probe === undefined ? {} : { probe: context.probe };
  if (reading.unchanged && before !== undefined) {
    await passBefore(work, kind, context);
    work.states.set(kind.name, stillOf(before, context));
    if (before.state !== "READ") return;
    yield unchangedItem(kindItem(kind, reading.lines));
    // It had to be read after all when what should be there was not.
    if (reading.ended()) work.states.set(kind.name, { state: "READ", ...reading.state(), ...probed });
    return;
  }
  const part = (context.begun?.parts.length ?? 0) + 1;
  const more = () => reading.facts?.() ?? {};
  const begun = await peeked(reading.lines());
  if (begun === undefined && (part > 1 || reading.stopped?.() !== undefined)) {
    // How far it is has to be written down, though nothing was found on the way.
    yield kindItem(kind, noLines, { part, more });
    const stopped = reading.stopped?.();
    if (stopped !== undefined) throw stopped;
    work.states.set(kind.name, { state: "READ", ...reading.state() });
    return;
  }
  if (begun === undefined) {
    await checkCount(work, kind, 0);
    work.tombstones.add(kind, goneOf(reading), context.previousLines);
    work.states.set(kind.name, { state: "EMPTY", ...reading.state(), ...probed });
    return;
  }
  try {
    yield kindItem(kind, reading.lines, { begun, part, more });
  } finally {
    await begun.return?.();
  }
  const stopped = reading.stopped?.();
  if (stopped !== undefined) throw stopped;
  const isStored = reading.ended();
  // It was stored before we had to wait, so it was not read again: others may still need to see it pass.
  if (!isStored && kind.reading.how === "changed") await hearAgain(work, kind);
  else if (!isStored && isNeeded(work, kind)) for await (const _ of reading.lines());
  if (reading.ended()) work.tombstones.add(kind, goneOf(reading), context.previousLines);
  if (reading.ended()) await checkCount(work, kind, reading.count());
  work.states.set(
    kind.name,
    isStored
      ? { state: "READ", ...reading.state(), ...probed }
      : keptState(kind, before, work.context.kept?.get(partName(kind))),
  );
}

/** One that takes a request a line is not asked for anew. */
async function hearAgain(work: SubjectWork, kind: Kind): Promise<void> {
  work.texts?.begin(kind);
  work.references.begin(kind);
  await hearKept(work, kind);
}

const goneOf = ({ deleted, deletedItems }: KindReading): Gone => ({ keys: deleted(), items: deletedItems?.() ?? [] });

/** Unchanged, by GitHub's word for each of its pages or by what listing knew. The former counts as having looked at all of it. */
function stillOf(before: KindState, { kind, probe, sweep, session }: KindContext): KindState {
  const { probe: _, ...rest } = before;
  if (probe === undefined) return rest;
  const sweptAt = sweep && kind.reading.how !== "newest" ? { sweptAt: session.api.now().toISOString() } : {};
  return { ...rest, ...sweptAt, probe };
}

const stateBefore = ({ previous }: SubjectWork, { name }: Kind) => previous.stateOf(name, `${name}.jsonl`);

function contextOf(
  { session, params, previous, parents, fullEveryMs, probe, context: { kept } }: SubjectWork,
  kind: Kind,
): KindContext {
  const before = previous.stateOf(kind.name, `${kind.name}.jsonl`);
  const sweptAt = before?.sweptAt === undefined ? undefined : Date.parse(before.sweptAt);
  const sweep = sweptAt === undefined || session.api.now().getTime() - sweptAt >= fullEveryMs;
  return {
    kind,
    session,
    params,
    before,
    previousLines: previous.linesOf(kind),
    sweep,
    probe: probe[kind.name],
    parents,
    begun: begunKind(kind, kept),
    previousParts: previous.partsOf(kind),
  };
}

/** Tells when the lines have passed, and looks at the one that says what the subject is. */
function watched(
  work: SubjectWork,
  context: KindContext,
  reading: KindReading,
): KindReading & { ended(): boolean; count(): number } {
  const { kind } = context;
  let ended = false;
  let count = 0;
  return {
    ...reading,
    async *lines(): AsyncGenerator<Line> {
      ended = false;
      count = 0;
      work.texts?.begin(kind);
      work.references.begin(kind);
      work.comments.begin(kind);
      if (context.begun !== undefined) await hearKept(work, kind);
      for await (const line of reading.lines()) {
        if (isSubject(kind)) work.subject = line.json;
        work.observers.get(kind.name)?.(line.json);
        work.texts?.note(kind, line);
        work.references.note(kind, line);
        work.comments.note(kind, line);
        count += 1;
        yield line;
      }
      ended = true;
    },
    ended: () => ended,
    count: () => count,
  };
}

/** An unchanged kind's lines are only read where someone has to see them: what the subject is, and whose children are read anew. */
async function passBefore(work: SubjectWork, kind: Kind, context: KindContext): Promise<void> {
  const { previousLines, parents } = context;
  parents.begin(kind);
  const children = childrenOf(work, kind);
  const isAsked = children.some((child) => stateBefore(work, child) === undefined || contextOf(work, child).sweep);
  const observer = work.observers.get(kind.name);
  if (isSubject(kind)) work.isSubjectListed = isAsProbed(context);
  if (!isSubject(kind) && !isAsked && observer === undefined) return;
  for await (const line of previousLines?.() ?? []) {
    if (isSubject(kind)) work.subject = line.json;
    observer?.(line.json);
    parents.note(kind, line, false);
  }
}

const SUBJECTS: ReadonlySet<string> = new Set(["repository", "organization", "user", "gist"] satisfies Subject[]);
const isSubject = ({ name }: Kind): boolean => SUBJECTS.has(name);
const isNeeded = (work: SubjectWork, kind: Kind): boolean =>
  isSubject(kind) ||
  work.observers.has(kind.name) ||
  (work.texts !== undefined && TEXT_KINDS.has(kind.name)) ||
  childrenOf(work, kind).length > 0;
const childrenOf = ({ kinds }: SubjectWork, { name }: Kind): readonly Kind[] =>
  kinds.filter(({ reading }) => reading.how === "changed" && reading.parent === name);
