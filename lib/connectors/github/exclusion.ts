import { means, namePattern, patternFault } from "./name-pattern.ts";
import type { RepositoryObject } from "./repository-object.ts";

export type Named = Pick<RepositoryObject, "id" | "owner" | "name">;

/** As errors name a repository: another one may have its name by now, or come to have it. */
const NUMBERED = /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+@(\d{1,15})$/;

/** What is wrong with an entry of `exclude`; undefined when nothing is. */
export const exclusionFault = (text: string): string | undefined =>
  NUMBERED.test(text) ? undefined : patternFault(text);

/** What an entry of `exclude` without a fault leaves out: as `repositories` names it, or the one with that number, whatever it and others are called. */
export function exclusion(text: string): (repository: Named) => boolean {
  const number = NUMBERED.exec(text)?.[1];
  if (number !== undefined) return ({ id }) => id === Number(number);
  const pattern = namePattern(text);
  return ({ owner, name }) => means(pattern, owner.login, name);
}
