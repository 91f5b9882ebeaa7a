import type { Kind } from "./kinds/kind.ts";
import { filled } from "./reading.ts";
import type { Session } from "./session.ts";
import { barrierOf } from "./unreadable.ts";

/**
 * Kinds that a token may not read, with the right that is missing, which GitHub tells by refusing: one kind for each right is asked for, of one repository or organization. Of
 * users and gists each kind is asked for, for GitHub has no right that stands for several of them.
 * https://docs.github.com/en/rest/overview/permissions-required-for-fine-grained-personal-access-tokens
 */
export async function missingRights(
  session: Session,
  kinds: readonly Kind[],
  params: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const lacking: string[] = [];
  const isAlone = ({ subject, name }: Kind) => (subject === "user" || subject === "gist" ? name : "");
  for (const some of Map.groupBy(kinds, (kind) => `${kind.permission} ${isAlone(kind)}`).values()) {
    const path = some.map(pathOf).find((one) => one !== undefined);
    const permission = some[0]?.permission ?? "";
    if (path === undefined) continue;
    const answer = await session.get(filled(path, params));
    if (barrierOf(answer, "FORBIDDEN")?.barrier !== "FORBIDDEN") continue;
    // A list of alternatives: `issues=read; pull_requests=read`.
    const needs = answer.headers.get("x-accepted-github-permissions") ?? permission.replace(":", "=");
    lacking.push(...some.map(({ name }) => `${name} (${needs})`));
  }
  return lacking;
}

/** One whose refusal means a right and nothing else: kinds that are answered with 404 where there is none are not asked for. */
function pathOf({ reading, absent, off }: Kind): string | undefined {
  if (absent === "DISABLED" || off !== undefined) return undefined;
  switch (reading.how) {
    case "object":
    case "list":
      return reading.path;
    case "newest":
      return reading.pages === undefined ? reading.path : undefined;
    case "each":
      return reading.over;
    case "changed":
      return undefined;
  }
}
