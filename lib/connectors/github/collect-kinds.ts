import type { Item } from "../connector.ts";
import { collectAgain, isMendable } from "./collect-again.ts";
import { storedHole } from "./count-check.ts";
import { endKind } from "./end-kind.ts";
import { noteStored } from "./kept-notes.ts";
import { keptState } from "./kept-state.ts";
import { asReadable, contextOf } from "./kind-context.ts";
import { kindItem, peeked } from "./kind-item.ts";
import { partName, strayParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { noLines } from "./lines.ts";
import { passBefore } from "./pass-before.ts";
import { readKind } from "./read-kind.ts";
import { checkEnd, type KindContext } from "./reading.ts";
import type { KindState } from "./state.ts";
import { passStored } from "./stored-kind.ts";
import { noteBarrier, type SubjectWork, type Told } from "./subject-work.ts";
import { NOTHING_GONE } from "./tombstones.ts";
import { unchangedItem } from "./unchanged-item.ts";
import { UnreadableError } from "./unreadable.ts";
import { type WatchedReading, watched } from "./watched-reading.ts";

/** One kind after the other, each an item where it has lines. What fails with one leaves the others alone. */
export async function* collectKinds(work: SubjectWork, kinds: readonly Kind[]): AsyncGenerator<Item> {
  for (const kind of kinds) {
    if (work.subject !== undefined && kind.off?.(work.subject) === true) {
      noteBarrier(work, kind.name, { barrier: "DISABLED", message: "the repository says so" }, "off");
      continue;
    }
    try {
      yield* collectKind(work, kind);
    } catch (error) {
      if (error instanceof UnreadableError) noteBarrier(work, kind.name, error, TOLD.get(error.status));
      else work.failures.add(kind.name, error);
    }
  }
}

const TOLD: ReadonlyMap<number, Told> = new Map([
  [409, "not chosen"],
  [410, "off"],
]);

async function* collectKind(work: SubjectWork, kind: Kind): AsyncGenerator<Item> {
  const context = await asReadable(work, contextOf(work, kind));
  if (context.begun?.facts.readAgain === true) work.readAgain.add(kind.name);
  try {
    if (await passStored(work, context)) return;
  } catch (error) {
    if (!isMendable(work, kind, error)) throw error;
    yield* collectAgain(work, kind);
    return;
  }
  const reading = watched(work, context, await readKind(context));
  if (reading.unchanged && context.before !== undefined) yield* unchangedItems(work, context, context.before, reading);
  else yield* readItems(work, context, reading);
}

async function* unchangedItems(
  work: SubjectWork,
  context: KindContext,
  before: KindState,
  reading: WatchedReading,
): AsyncGenerator<Item> {
  const { kind } = context;
  await passBefore(work, context);
  work.states.set(kind.name, stillOf(before, context));
  if (before.state !== "READ") return;
  yield unchangedItem(kindItem(kind, reading.lines, { more: () => reading.facts?.() ?? {} }));
  checkEnd(reading);
  // It had to be read after all when what should be there was not.
  if (reading.ended()) await endKind(work, context, reading.end("READ"));
}

async function* readItems(work: SubjectWork, context: KindContext, reading: WatchedReading): AsyncGenerator<Item> {
  const { kind, before } = context;
  const part = (context.begun?.parts.length ?? 0) + 1;
  const stray = strayParts(kind, work.context.kept, context.begun);
  const given = {
    part,
    more: () => ({
      ...reading.facts?.(),
      ...(context.begun?.facts.readAgain === true ? { readAgain: true } : {}),
    }),
    ...(stray.size === 0 ? {} : { replaces: (name: string) => stray.has(name) }),
  };
  const begun = await peeked(reading.lines());
  const isEmpty = begun === undefined && part === 1 && reading.stopped?.() === undefined && stray.size === 0;
  if (begun !== undefined) {
    try {
      yield kindItem(kind, reading.lines, { begun, ...given });
    } finally {
      await begun.return?.();
    }
  } else if (isEmpty) {
    if (kind.reading.how === "each" || kind.reading.how === "changed") work.empty.set(kind, given.more());
  } else {
    // How far it is has to be written down, though nothing was found on the way; and so has that a part stands for nothing any more.
    yield kindItem(kind, noLines, given);
  }
  const isStored = work.context.kept?.has(partName(kind, part)) !== true;
  if (isStored && (reading.ended() || reading.stopped?.() !== undefined)) noteStored(work, kind, reading);
  checkEnd(reading);
  const kept = work.context.kept?.get(partName(kind));
  const isOfBefore = begun !== undefined && !reading.ended() && kept !== undefined;
  // What is stored is of before a wait. Others have to see what is there now.
  if (isOfBefore) for await (const _ of reading.lines());
  checkEnd(reading);
  if (isOfBefore) noteStored(work, kind, reading);
  const end = isOfBefore
    ? { hole: storedHole(kept.facts), gone: NOTHING_GONE, state: keptState(kind, before, kept) }
    : reading.end(isEmpty ? "EMPTY" : "READ");
  try {
    await endKind(work, context, end);
  } catch (error) {
    if (!isMendable(work, kind, error, end.state)) throw error;
    yield* collectAgain(work, kind);
  }
}

/** Unchanged, by GitHub's word for each of its pages or by what listing knew. The former counts as having looked at all of it. */
function stillOf(before: KindState, { kind, probe, sweep, session }: KindContext): KindState {
  const { probe: _, ...rest } = before;
  if (probe === undefined) return rest;
  const sweptAt = sweep && kind.reading.how !== "newest" ? { sweptAt: session.api.now().toISOString() } : {};
  return { ...rest, ...sweptAt, probe };
}
