import { exclusion, type Named } from "./exclusion.ts";
import { means, type NamePattern, namePattern } from "./name-pattern.ts";
import type { GithubOptions } from "./options.ts";
import type { Remembered } from "./remembered.ts";
import { type RepositoryObject, visibilityOf } from "./repository-object.ts";

type Name = Pick<Named, "owner" | "name">;

/** Which repositories the configuration asks for. */
export interface Scope {
  /** The entries of `repositories`. */
  readonly patterns: readonly NamePattern[];
  /** Whether it asks for this one, by its name and number alone. */
  isAskedFor(repository: Named): boolean;
  /** Whether it asks for this very one, so that there has to be one. */
  isNamed(name: Name): boolean;
  isExcluded(repository: Named): boolean;
  /** The filters for what was not asked for by name. */
  passes(repository: RepositoryObject): boolean;
  /** Whether the filters leave out what is known to be so. */
  isRuledOut(is: Remembered): boolean;
}

/** Names are read once: ten thousand repositories are compared with each. */
export function scopeOf(options: GithubOptions): Scope {
  const { topics, visibility, archived, forks } = options;
  const patterns = (options.repositories ?? []).map(namePattern);
  const exclude = (options.exclude ?? []).map(exclusion);
  const owners = [options.organization, options.user].flatMap((login) => login?.toLowerCase() ?? []);
  const isOfOwners = ({ owner }: Name) => owners.includes(owner.login.toLowerCase());
  const isExcluded = (repository: Named) => exclude.some((leavesOut) => leavesOut(repository));
  /** Names and globs without an owner are of the owners that the job has; globs are only looked for among theirs. */
  const naming = (of: Name) =>
    patterns
      .filter((pattern) => means(pattern, of.owner.login, of.name))
      .filter(({ kind }) => kind === "full" || isOfOwners(of));

  function isRuledOut(is: Remembered): boolean {
    if (is.archived === true && !archived) return true;
    if (is.fork === true && !forks) return true;
    return visibility !== undefined && is.visibility !== undefined && !visibility.some((one) => one === is.visibility);
  }

  return {
    patterns,
    isExcluded,
    isRuledOut,
    isAskedFor(repository) {
      if (isExcluded(repository)) return false;
      return patterns.length === 0 ? isOfOwners(repository) : naming(repository).length > 0;
    },
    isNamed: (name) => naming(name).some(({ kind }) => kind !== "matching"),
    passes(repository) {
      if (isRuledOut({ ...repository, visibility: visibilityOf(repository) })) return false;
      return topics === undefined || topics.some((topic) => repository.topics.includes(topic));
    },
  };
}
