import { NotFoundError } from "../../errors.ts";
import { begunKind, keptParts } from "./kind-parts.ts";
import type { Kind, Subject } from "./kinds/kind.ts";
import type { KindContext } from "./reading.ts";
import type { Session } from "./session.ts";
import type { SubjectWork } from "./subject-work.ts";

/** What reading a kind has to go by. `whole` leaves nothing to be taken from the last snapshot. */
export function contextOf(
  work: SubjectWork,
  kind: Kind,
  { whole = false }: { readonly whole?: boolean } = {},
): KindContext {
  const { session, params, previous, parents, fullEveryMs, probe } = work;
  const { kept } = work.context;
  const before = previous.stateOf(kind.name, `${kind.name}.jsonl`);
  const sweptAt = before?.sweptAt === undefined ? undefined : Date.parse(before.sweptAt);
  return {
    kind,
    session: sessionOf(work, kind),
    params,
    before,
    previousLines: previous.linesOf(kind),
    sweep: whole || sweptAt === undefined || session.api.now().getTime() - sweptAt >= fullEveryMs,
    probe: probe[kind.name],
    parents,
    begun: whole ? undefined : begunKind(kind, kept),
    previousParts: previous.partsOf(kind),
  };
}

/**
 * A list that goes on after a wait needs what is stored of it: to tell what comes twice, and for the kinds that hang on it. Where that is sealed to us
 * it goes by what was noted, and without that begins anew.
 */
export async function asReadable({ notes }: Pick<SubjectWork, "notes">, context: KindContext): Promise<KindContext> {
  const [first] = context.begun?.parts ?? [];
  const { how } = context.kind.reading;
  if (first === undefined || (how !== "list" && how !== "newest")) return context;
  try {
    for await (const _ of first.open()) break;
    return context;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const noted = notes.get(context.kind.name);
    return noted === undefined ? { ...context, begun: undefined } : { ...context, notes: noted };
  }
}

/** What was readable, is required or is the subject itself is waited for where an account that may be shown it is used up. */
function sessionOf({ session, previous, required, context: { kept } }: SubjectWork, kind: Kind): Session {
  const { name } = kind;
  const isOptional =
    !isSubject(kind) && !required(name) && previous.readIn(name) === undefined && keptParts(kind, kept).length === 0;
  return {
    ...session,
    get: (to, options) => session.get(to, { topic: name, isOptional, ...options }),
    question: (body, options) => session.question(body, { topic: name, isOptional, ...options }),
  };
}

const SUBJECTS: ReadonlySet<string> = new Set(["repository", "organization", "user", "gist"] satisfies Subject[]);

/** The kind that says what the subject is. */
export const isSubject = ({ name }: Pick<Kind, "name">): boolean => SUBJECTS.has(name);

/** The kinds that are asked for by this one's objects. */
export const childrenOf = ({ kinds }: Pick<SubjectWork, "kinds">, { name }: Pick<Kind, "name">): readonly Kind[] =>
  kinds.filter(({ reading }) => reading.how === "changed" && reading.parent === name);
