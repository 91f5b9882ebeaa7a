import { storedHole } from "./count-check.ts";
import { endKind } from "./end-kind.ts";
import { type GoneItems, goneItems, itemIds } from "./gone-items.ts";
import { beginLines } from "./hearing.ts";
import { hearKept, warnOfSealedTexts } from "./kept-lines.ts";
import { keptState } from "./kept-state.ts";
import { childrenOf, isSubject } from "./kind-context.ts";
import { wholeParts } from "./kind-parts.ts";
import type { Line } from "./lines.ts";
import { isOlder, numberOrKey, orderValue, orderValues } from "./newest-order.ts";
import { passBefore } from "./pass-before.ts";
import type { KindContext } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS } from "./texts.ts";
import { type Gone, NOTHING_GONE } from "./tombstones.ts";

/**
 * A kind that was stored before the unit had to wait is not asked for again: who hears lines hears the stored ones, and what is gone shows when these are
 * compared with the last snapshot's. Answers false where it has to be asked for all the same: what the subject is now, and lines that others
 * need and that are sealed to us.
 * @throws SourceError `SOURCE_INCOMPLETE` for a list that had a hole before the wait
 */
export async function passStored(work: SubjectWork, context: KindContext): Promise<boolean> {
  const { kind, before, parents } = context;
  const parts = wholeParts(kind, work.context.kept);
  const last = parts?.at(-1);
  if (parts === undefined || last === undefined || isSubject(kind)) return false;
  if (last.how === "taken over" && before !== undefined) {
    await passBefore(work, context);
    work.states.set(kind.name, before);
    return true;
  }
  if (last.how === "made" && last.facts.readAgain === true) work.readAgain.add(kind.name);
  const now = new Map<string, ReadonlySet<string>>();
  const hasChanged = await changedSince(work, context);
  beginLines(work, kind);
  parents.begin(kind);
  const heard = await hearKept(work, kind, (line) => {
    now.set(line.key, itemIds(line.json));
    parents.note(kind, line, hasChanged(line));
  });
  if (heard === false && kind.reading.how !== "changed" && isNeeded(work, context)) return false;
  if (heard === false) warnOfSealedTexts(work, kind);
  const gone = heard === "lines" ? await goneOf(context, now) : NOTHING_GONE;
  await endKind(work, context, { hole: storedHole(last.facts), gone, state: keptState(kind, before, last) });
  return true;
}

const isNeeded = (work: SubjectWork, { kind }: KindContext): boolean =>
  work.observers.has(kind.name) ||
  (work.texts !== undefined && TEXT_KINDS.has(kind.name)) ||
  childrenOf(work, kind).length > 0;

/** As reading it tells: of lists with the newest first what differs, and what is about as new as the newest of then; of others everything. */
async function changedSince(
  work: SubjectWork,
  { kind: { reading, name }, before, previousLines }: KindContext,
): Promise<(line: Line) => boolean> {
  if (reading.how !== "newest" || childrenOf(work, { name }).length === 0) return () => true;
  const known = await orderValues(previousLines, reading);
  return ({ key, json }) => {
    const value = orderValue(json, reading);
    return before?.newest === undefined || known.get(key)?.value !== value || !isOlder(value, before.newest);
  };
}

/** What the last snapshot holds and the stored lines do not. */
async function goneOf(
  { kind: { name, reading }, kind, previousLines, parents }: KindContext,
  now: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Gone> {
  const isOfParents = reading.how === "each" || reading.how === "changed";
  // A parent that stays without any has a line no more, and yet all that is gone is what was on it.
  const staying = new Set(reading.how === "changed" ? parents.of(reading.parent)?.all.get(name) : []);
  const gone: Line[] = [];
  const items: GoneItems[] = [];
  for await (const line of previousLines?.() ?? []) {
    const has = now.get(line.key) ?? (staying.has(line.key) ? NONE : undefined);
    const some = has === undefined || !isOfParents ? undefined : goneItems(line, has);
    if (has === undefined) gone.push(line);
    if (some !== undefined) items.push(some);
  }
  parents.deleted(kind, gone.map(numberOrKey));
  return { keys: gone.map(({ key }) => key), items };
}

const NONE: ReadonlySet<string> = new Set();
