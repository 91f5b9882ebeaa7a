import type { Unit } from "../connector.ts";
import { isObject } from "./pages.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * Kinds that GitHub refused, in every run: what was never readable fails nothing, and would be missing without a word. A 404 may be the answer for
 * what is not there, so it is a refusal only where GitHub says that the credentials' user does not administer the repository. `sort` is what the unit
 * stands for.
 */
export function warnOfRights({ kinds, states, context, subject }: SubjectWork, unit: Unit, sort: string): void {
  const isAdmin = !isObject(subject?.permissions) || subject.permissions.admin !== false;
  const refused = kinds.filter(({ name }) => {
    const { state, reason = "" } = states.get(name) ?? {};
    return state === "FORBIDDEN" && (reason.startsWith("403") || (!isAdmin && reason.startsWith("404")));
  });
  if (refused.length === 0) return;
  const named = refused.map(({ name, permission }) => `${name} (${permission.replace(":", "=")})`);
  context.warn({
    code: "GITHUB_RIGHTS",
    message: `GitHub refuses these credentials ${named.join(", ")} of ${unit.id}, the first of the ${sort}`,
  });
}
