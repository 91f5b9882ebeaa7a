import type { CollectContext, Item, Unit } from "../connector.ts";
import { collectKinds } from "./collect-kinds.ts";
import type { Github } from "./github-context.ts";
import { keepingEmpty } from "./keeping-empty.ts";
import { checkSubject, closingItems, subjectWork } from "./subject.ts";

/** An organization or a user, without their repositories. @throws SourceError at the end for the kinds that failed */
export async function* collectOwner(
  github: Github,
  unit: Unit,
  subject: "organization" | "user",
  params: Readonly<Record<string, string>>,
  context: CollectContext,
): AsyncGenerator<Item> {
  const work = await subjectWork(github, unit, subject, { params }, context);
  const [first, ...rest] = work.kinds;
  if (first?.name !== subject) throw new Error(`the kind ${subject} comes first`);
  yield* collectKinds(work, [first]);
  checkSubject(work, unit, subject);
  yield* keepingEmpty(work, collectKinds(work, rest));
  yield* closingItems(work, unit);
}
