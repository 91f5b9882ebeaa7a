import * as z from "zod";
import type { JsonValue } from "../connector.ts";
import { beginLines } from "./hearing.ts";
import type { Kind } from "./kinds/kind.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * What all that hear a kind's lines have to know of those that are stored, where nobody but the holder of a private key can read them after a wait:
 * what tells lines from one another, and numbers and URLs that artifacts' facts name as well. No texts.
 */
const kindNotes = z.object({
  /** Of a list: by these it goes on, and holds each object once. */
  keys: z.array(z.string()),
  /** By kinds that hang on this one, what they are to ask by. */
  children: z.record(z.string(), z.array(z.string())),
  /** Of files that texts show, with the keys of the lines that show them. */
  urls: z.array(z.tuple([z.string(), z.array(z.string())])),
  /** Of comments (`CommentCounts`). */
  counts: z.array(z.array(z.number())),
  /** What the kind's observer needs of each line. */
  observed: z.array(z.record(z.string(), z.unknown())),
});
export type KindNotes = Readonly<z.infer<typeof kindNotes>>;

const schema = z.record(z.string(), kindNotes);

/** By kind, as they were noted before the wait. Those of another version are as good as none. */
export function notesBefore(before: unknown): Map<string, KindNotes> {
  const parsed = schema.safeParse(before ?? {});
  return new Map(parsed.success ? Object.entries(parsed.data) : []);
}

/** For the unit's checkpoint. */
export const notesOf = ({ notes }: SubjectWork): JsonValue => JSON.parse(JSON.stringify(Object.fromEntries(notes)));

/** After a part, or all, of a kind was stored whose lines have passed, with what was stored before it. */
export function noteStored(work: SubjectWork, { name, reading }: Kind): void {
  const { context, notes, keys, parents, texts, comments, observers } = work;
  if (context.checkpoint === undefined) return;
  notes.set(name, {
    keys: reading.how === "list" || reading.how === "newest" ? [...(keys.get(name) ?? [])] : [],
    children: parents.noted(name),
    urls: texts?.noted(name) ?? [],
    counts: comments.noted(name),
    observed: observers.get(name)?.noted() ?? [],
  });
}

/** Tells all that hear lines what was noted of those that are stored. Answers false where nothing was. */
export function hearNotes(work: SubjectWork, kind: Kind): boolean {
  const noted = work.notes.get(kind.name);
  if (noted === undefined) return false;
  beginLines(work, kind);
  work.keys.set(kind.name, new Set(noted.keys));
  work.parents.restore(kind, noted.children);
  work.texts?.restore(kind, noted.urls);
  work.comments.restore(kind, noted.counts);
  for (const json of noted.observed) work.observers.get(kind.name)?.note(json);
  return true;
}
