import * as z from "zod";

/**
 * What all that hear a kind's lines have to know of those that are stored, where nobody but the holder of a private key can read them after a wait:
 * what tells lines from one another, and numbers and URLs that artifacts' facts name as well. No texts.
 */
const kindNotes = z.object({
  /** Of a list that is not stored to its end: by these it goes on, and holds each object once. */
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
