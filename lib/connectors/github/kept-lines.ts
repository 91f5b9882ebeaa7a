import { NotFoundError } from "../../errors.ts";
import { noteLine } from "./hearing.ts";
import { hearNotes } from "./kept-notes.ts";
import { keptParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { type Line, linesOf } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS } from "./texts.ts";

/**
 * Shows the lines of a kind that were stored before the unit had to wait to all that hear lines; of what is sealed to us, what was noted of them. Answers
 * false where that is nothing.
 */
export async function hearKept(
  work: SubjectWork,
  kind: Kind,
  also: (line: Line) => void = () => {},
): Promise<"lines" | "notes" | false> {
  try {
    for (const part of keptParts(kind, work.context.kept)) {
      for await (const line of linesOf(kind, part.open())) {
        noteLine(work, kind, line);
        also(line);
      }
    }
    return "lines";
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (hearNotes(work, kind)) return "notes";
    work.comments.forget(kind);
    return false;
  }
}

/** Files that texts show cannot be looked for where the texts are stored and sealed. */
export function warnOfSealedTexts({ texts, context }: SubjectWork, { name }: Kind): void {
  if (texts === undefined || !TEXT_KINDS.has(name)) return;
  context.warn({
    code: "GITHUB_ATTACHMENT_MISSING",
    message: `files that texts of ${name} show are not looked for: these were stored before we had to wait, and are sealed to us`,
  });
}
