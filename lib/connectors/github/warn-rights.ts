import type { Unit } from "../connector.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * Kinds that GitHub refused, in every run: what was never readable fails nothing, and would be missing without a word. A 404 may be the answer for
 * what is not there, so a refusal is a 403 alone.
 */
export function warnOfRights({ kinds, states, context }: SubjectWork, unit: Unit): void {
  const refused = kinds.filter(({ name }) => {
    const { state, reason = "" } = states.get(name) ?? {};
    return state === "FORBIDDEN" && reason.startsWith("403");
  });
  if (refused.length === 0) return;
  const named = refused.map(({ name, permission }) => `${name} (${permission.replace(":", "=")})`);
  context.warn({
    code: "GITHUB_RIGHTS",
    message: `GitHub refuses these credentials ${named.join(", ")} of ${unit.id}, the first of its sort`,
  });
}
