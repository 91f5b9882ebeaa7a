import { DeferredError, SourceError } from "../../errors.ts";
import type { Github } from "./github-context.ts";
import type { ListingState, Missing } from "./listing-state.ts";
import { means } from "./name-pattern.ts";
import type { GithubOptions } from "./options.ts";
import { isOwnUser } from "./own-user.ts";
import { type Json, objectOf, pages } from "./pages.ts";
import { parseRepository, type RepositoryObject } from "./repository-object.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

/** What listing gives: a repository, or one that the configuration names and GitHub does not show. */
type Listed = { readonly kind: "repository"; readonly repository: RepositoryObject } | Missing;

/** Each repository once, whatever several listings say. Streams: nothing but ids is held. @throws SourceError | TransientError */
export async function* listRepositories(
  { options, scope }: Pick<Github, "options" | "scope">,
  session: Session,
  state: ListingState,
): AsyncGenerator<Listed> {
  const { patterns } = scope;
  const passed = new Set<number>();
  const seen = {
    has: (id: number) => passed.has(id) || state.shown.has(`repository:${id}`),
    add: (id: number) => void passed.add(id),
  };
  const owners = [options.organization, options.user].filter((owner) => owner !== undefined);
  for (const [n, pattern] of patterns.entries()) {
    if (pattern.kind === "matching" || n < state.named) continue;
    const now = session.api.now();
    if (now.getTime() >= state.pauseMs)
      throw new DeferredError(now, "more names are asked for than fit into a function's time");
    const listed = await oneByName(session, pattern.kind === "full" ? [pattern.owner] : owners, pattern.name);
    state.named = n + 1;
    // Named and excluded is excluded, whether or not it is shown; the other filters are for what was not asked for by name.
    if (listed.kind === "missing") {
      if (scope.isExcluded({ id: Number.NaN, owner: { login: listed.owner }, name: listed.name })) continue;
    } else {
      if (seen.has(listed.repository.id) || scope.isExcluded(listed.repository)) continue;
      seen.add(listed.repository.id);
    }
    yield listed;
  }
  const wide = patterns.filter((pattern) => pattern.kind === "matching");
  if (patterns.length > 0 && wide.length === 0) return;
  for await (const repository of everything(options, session, state)) {
    const { owner, name, id } = repository;
    if (seen.has(id) || (wide.length > 0 && !wide.some((pattern) => means(pattern, owner.login, name)))) continue;
    if (scope.isExcluded(repository) || !scope.passes(repository)) continue;
    seen.add(id);
    yield { kind: "repository", repository };
  }
}

/**
 * A name alone is looked for with each owner that the job has. A renamed or transferred repository answers under its old name with
 * a redirect, which is followed.
 */
async function oneByName(session: Session, owners: readonly string[], name: string): Promise<Listed> {
  let missing: Listed = { kind: "missing", owner: owners[0] ?? "", name, why: "" };
  for (const owner of owners) {
    const path = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
    try {
      return { kind: "repository", repository: parseRepository(objectOf(await session.get(path), path, "FORBIDDEN")) };
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      missing = { kind: "missing", owner: owners[0] ?? owner, name, why: error.message };
    }
  }
  return missing;
}

async function* everything(
  { organization, user }: GithubOptions,
  session: Session,
  state: ListingState,
): AsyncGenerator<RepositoryObject> {
  if (organization !== undefined) {
    const path = `/orgs/${encodeURIComponent(organization)}`;
    state.tally.begin(organization, path);
    yield* listed(session, `${path}/repos?type=all&per_page=100`, organization, state);
  }
  if (user !== undefined) {
    const path = await pathOfUser(session, user);
    state.tally.begin(user, path.startsWith("/user/") ? "/user" : `/users/${encodeURIComponent(user)}`);
    yield* listed(session, path, user, state);
  }
}

async function pathOfUser(session: Session, user: string): Promise<string> {
  return (await isOwnUser(session, user))
    ? "/user/repos?affiliation=owner&per_page=100"
    : `/users/${encodeURIComponent(user)}/repos?type=owner&per_page=100`;
}

async function* listed(
  session: Session,
  path: string,
  owner: string,
  { done, places, tally }: ListingState,
): AsyncGenerator<RepositoryObject> {
  if (done.has(path)) return;
  const place = places.get(path);
  const isStored = ({ id }: Json) => tally.has(owner, id);
  const from = place === undefined ? undefined : { place, stored: 0, isStored };
  try {
    for await (const page of pages(session, path, { absent: "FORBIDDEN", from })) {
      places.set(path, page.place);
      for (const repository of page.items.map(parseRepository)) {
        tally.note(owner, repository);
        yield repository;
      }
    }
    done.add(path);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const code = error.status === 404 ? "SOURCE_NOT_FOUND" : "SOURCE_FORBIDDEN";
    throw new SourceError(
      code,
      `GitHub does not show the repositories of ${owner} to these credentials (${error.message})`,
      { cause: error },
    );
  }
}
