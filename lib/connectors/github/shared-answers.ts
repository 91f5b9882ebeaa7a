import type { Kind, Path } from "./kinds/kind.ts";
import type { Answer } from "./response.ts";
import type { GetOptions, Session } from "./session.ts";

/** A session that asks once for what several of `kinds` begin with, such as the list of environments: they get the same answer. */
export function sharingAnswers(session: Session, kinds: readonly Kind[]): Session {
  const shared = sharedPaths(kinds).map(patternOf);
  const had = new Map<string, Had>();
  return {
    ...session,
    async get(to, options = {}) {
      if (options.again === true || !shared.some((pattern) => pattern.test(to))) return session.get(to, options);
      const known = had.get(to);
      const answer = known === undefined ? undefined : answerFor(options, known);
      if (answer !== undefined) return answer;
      const fresh = await session.get(to, options);
      had.set(to, { etag: options.etag, isOptional: options.isOptional === true, answer: fresh });
      return fresh;
    },
  };
}

interface Had {
  readonly etag: string | undefined;
  readonly isOptional: boolean;
  readonly answer: Answer;
}

/** An answer without a body is good for who asked with the same ETag only, and a refusal that nobody waited to mend for who would not wait either. */
function answerFor({ etag, isOptional = false }: GetOptions, { answer, ...known }: Had): Answer | undefined {
  if (answer.status >= 400 && known.isOptional && !isOptional) return undefined;
  if (answer.status === 304) return known.etag === etag ? answer : undefined;
  return etag !== undefined && answer.headers.get("etag") === etag ? { ...answer, status: 304 } : answer;
}

function sharedPaths(kinds: readonly Kind[]): readonly Path[] {
  const counts = new Map<Path, number>();
  for (const path of kinds.flatMap(pathsOf)) counts.set(path, (counts.get(path) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1).map(([path]) => path);
}

function pathsOf({ reading }: Kind): readonly Path[] {
  if (reading.how === "list") return [reading.path];
  if (reading.how !== "each") return [];
  const { over, child } = reading;
  return [over, child.path, ...(child.fields === undefined ? [] : [child.fields])];
}

/** A path with anything in the place of its parameters. */
const patternOf = (path: Path): RegExp =>
  new RegExp(
    `^${path
      .split(/\{\w+\}/)
      .map(RegExp.escape)
      .join("[^/?]+")}$`,
  );
