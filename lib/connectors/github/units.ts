import * as z from "zod";
import type { Unit } from "../connector.ts";
import { type Listed, listRepositories } from "./list-repositories.ts";
import type { GithubOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** What a unit's line of the plan says to `collect`. */
export const unitInput = z.discriminatedUnion("subject", [
  z.object({ subject: z.literal("repository"), owner: z.string(), name: z.string() }),
  z.object({ subject: z.literal("missing"), owner: z.string(), name: z.string(), why: z.string() }),
]);

/** Kilobytes, as GitHub tells them, from which on a repository is too large for a function's fifteen minutes. */
const LARGE_KB = 1_000_000;

/** A unit a repository, called owner/name, found again by its number. */
export async function* listUnits(options: GithubOptions, session: Session): AsyncGenerator<Unit> {
  for await (const listed of listRepositories(options, session)) yield unitOf(listed);
}

function unitOf(listed: Listed): Unit {
  if (listed.kind === "missing") {
    const { owner, name, why } = listed;
    return { id: `${owner}/${name}`, compute: "lambda", input: { subject: "missing", owner, name, why } };
  }
  const { id, name, owner, size } = listed.repository;
  return {
    id: `${owner.login}/${name}`,
    identity: `repository:${id}`,
    compute: size > LARGE_KB ? "fargate" : "lambda",
    input: { subject: "repository", owner: owner.login, name },
  };
}
