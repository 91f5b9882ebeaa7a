import { NotFoundError } from "../../errors.ts";
import { keptParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { linesOf } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS } from "./texts.ts";

/** Shows the lines of a kind that were stored before the unit had to wait to all that hear lines; what is sealed to us cannot be. */
export async function hearKept(work: SubjectWork, kind: Kind): Promise<void> {
  try {
    for (const part of keptParts(kind, work.context.kept)) {
      for await (const line of linesOf(kind, part.open())) {
        work.observers.get(kind.name)?.(line.json);
        work.texts?.note(kind, line);
        work.references.note(kind, line);
      }
    }
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (work.texts === undefined || !TEXT_KINDS.has(kind.name)) return;
    work.context.warn({
      code: "GITHUB_ATTACHMENT_MISSING",
      message: `files that texts of ${kind.name} show are not looked for: these were stored before we had to wait, and are sealed to us`,
    });
  }
}
