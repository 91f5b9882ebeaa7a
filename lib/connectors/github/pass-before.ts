import { childrenOf, contextOf, isSubject } from "./kind-context.ts";
import { isAsProbed, type KindContext } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";

/** An unchanged kind's lines are only read where someone has to see them: what the subject is, and whose children are read anew. */
export async function passBefore(work: SubjectWork, context: KindContext): Promise<void> {
  const { kind, previousLines, parents } = context;
  parents.begin(kind);
  const isAsked = childrenOf(work, kind).some((child) => {
    const { before, sweep } = contextOf(work, child);
    return before === undefined || sweep;
  });
  const observer = work.observers.get(kind.name);
  if (isSubject(kind)) work.isSubjectListed = isAsProbed(context);
  if (!isSubject(kind) && !isAsked && observer === undefined) return;
  for await (const line of previousLines?.() ?? []) {
    if (isSubject(kind)) work.subject = line.json;
    observer?.note(line.json);
    parents.note(kind, line, false);
  }
}
