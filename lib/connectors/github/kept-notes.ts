import type { JsonValue } from "../connector.ts";
import { beginLines } from "./hearing.ts";
import type { Kind } from "./kinds/kind.ts";
import type { KindReading } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";

/** For the unit's checkpoint. */
export const notesOf = ({ notes }: SubjectWork): JsonValue => JSON.parse(JSON.stringify(Object.fromEntries(notes)));

/** After a part, or all, of a kind was stored whose lines have passed, with what was stored before it. */
export function noteStored(
  work: SubjectWork,
  { name, reading }: Kind,
  { stopped }: Pick<KindReading, "stopped">,
): void {
  const { context, notes, keys, parents, texts, comments, observers } = work;
  if (context.checkpoint === undefined) return;
  // By these it goes on, and what is there to its end does not.
  const isList = reading.how === "list" || reading.how === "newest";
  notes.set(name, {
    keys: isList && stopped?.() !== undefined ? [...(keys.get(name) ?? [])] : [],
    children: parents.noted(name),
    urls: texts?.noted(name) ?? [],
    counts: comments.noted(name),
    observed: observers.get(name)?.noted() ?? [],
  });
  keys.delete(name);
}

/** Tells all that hear lines what was noted of those that are stored. Answers false where nothing was. */
export function hearNotes(work: SubjectWork, kind: Kind): boolean {
  const noted = work.notes.get(kind.name);
  if (noted === undefined) return false;
  beginLines(work, kind);
  work.keys.set(kind.name, new Set(noted.keys));
  work.parents.begin(kind);
  work.parents.restore(kind, noted.children);
  work.texts?.restore(kind, noted.urls);
  work.comments.restore(kind, noted.counts);
  for (const json of noted.observed) work.observers.get(kind.name)?.note(json);
  return true;
}
