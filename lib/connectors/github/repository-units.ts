import type { Unit } from "../connector.ts";
import type { ChosenKinds } from "./chosen-kinds.ts";
import { contentsOf, type KnownParts, largeParts, PARTS } from "./parts.ts";
import type { Probed } from "./probe.ts";
import { type RepositoryObject, visibilityOf } from "./repository-object.ts";

/**
 * What is large of a repository is a unit of its own, on a task: its git and its releases' files take long, each in its own way, and must not make its
 * issues wait. What is known as the repository is the one with the metadata, so that it goes on when the repository was one unit. A part stays
 * one when it becomes small: what it held is known under its own name.
 */
export function* repositoryUnits(
  repository: RepositoryObject,
  chosen: ChosenKinds,
  known: KnownParts,
  {
    probed,
    id = `${repository.owner.login}/${repository.name}`,
  }: { readonly probed?: Probed | undefined; readonly id?: string } = {},
): Generator<Unit> {
  const { id: number, name, owner, size, permissions } = repository;
  const identity = `repository:${number}`;
  const input = {
    subject: "repository",
    owner: owner.login,
    name,
    visibility: visibilityOf(repository),
    ...(permissions?.admin === undefined ? {} : { isAdmin: permissions.admin }),
    ...(probed === undefined ? {} : { probe: probed.probe }),
  } as const;
  // GitHub tells kilobytes.
  const large = largeParts(size * 1_000, probed?.assetBytes);
  const own = (["git", "assets"] as const).filter(
    (part) =>
      (large.includes(part) || known.has(`${identity}/${part}`)) &&
      contentsOf(part).some((content) => chosen.has(content)),
  );
  const rest = PARTS.filter((part) => !own.some((one) => one === part));
  yield { id, identity, compute: "lambda", input: own.length === 0 ? input : { ...input, parts: rest } };
  for (const part of own) {
    yield {
      id: `${id}/${part}`,
      identity: `${identity}/${part}`,
      compute: "fargate",
      input: { ...input, parts: [part] },
    };
  }
}
