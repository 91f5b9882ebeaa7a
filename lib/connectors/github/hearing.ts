import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";

/** The lines of a kind begin, once more perhaps. */
export function beginLines({ observers, texts, references, comments, keys }: SubjectWork, kind: Kind): void {
  observers.get(kind.name)?.begin();
  texts?.begin(kind);
  references.begin(kind);
  comments.begin(kind);
  keys.set(kind.name, new Set());
}

/** Tells all that hear lines of one that passes, whether it was read just now or stored before a wait. */
export function noteLine(
  { observers, texts, references, comments, keys, context }: SubjectWork,
  kind: Kind,
  line: Line,
): void {
  observers.get(kind.name)?.note(line.json);
  texts?.note(kind, line);
  references.note(kind, line);
  comments.note(kind, line);
  if (context.checkpoint !== undefined) keys.get(kind.name)?.add(line.key);
}
