import { means, namePattern } from "./name-pattern.ts";
import type { GithubOptions } from "./options.ts";
import type { Remembered } from "./remembered.ts";
import { type RepositoryObject, visibilityOf } from "./repository-object.ts";

type Name = Pick<RepositoryObject, "owner" | "name">;

/** Whether the configuration asks for what has this name, by its name alone. */
export function isAskedFor(options: GithubOptions, name: Name): boolean {
  const { repositories = [] } = options;
  if (isExcluded(options, name)) return false;
  return repositories.length === 0 ? isOfOwners(options, name) : namingPatterns(options, name).length > 0;
}

/** Whether it asks for this very one, so that there has to be one. */
export const isNamed = (options: GithubOptions, name: Name): boolean =>
  namingPatterns(options, name).some(({ kind }) => kind !== "matching");

export function isExcluded({ exclude = [] }: GithubOptions, { owner, name }: Name): boolean {
  return exclude.map(namePattern).some((pattern) => means(pattern, owner.login, name));
}

/** The filters for what was not asked for by name. */
export function passes(options: GithubOptions, repository: RepositoryObject): boolean {
  const { topics } = options;
  if (isRuledOut(options, { ...repository, visibility: visibilityOf(repository) })) return false;
  return topics === undefined || topics.some((topic) => repository.topics.includes(topic));
}

/** Whether the filters leave out what is known to be so. */
export function isRuledOut({ visibility, archived, forks }: GithubOptions, is: Remembered): boolean {
  if (is.archived === true && !archived) return true;
  if (is.fork === true && !forks) return true;
  return visibility !== undefined && is.visibility !== undefined && !visibility.some((one) => one === is.visibility);
}

/** Names and globs without an owner are of the owners that the job has; globs are only looked for among theirs. */
function namingPatterns(options: GithubOptions, name: Name) {
  return (options.repositories ?? [])
    .map(namePattern)
    .filter((pattern) => means(pattern, name.owner.login, name.name))
    .filter(({ kind }) => kind === "full" || isOfOwners(options, name));
}

function isOfOwners({ organization, user }: GithubOptions, { owner }: Name): boolean {
  return [organization, user].some((login) => login?.toLowerCase() === owner.login.toLowerCase());
}
