import * as z from "zod";
import { SourceError } from "../../errors.ts";
import type { Unit } from "../connector.ts";
import type { Github } from "./github-context.ts";
import { type Listed, listRepositories } from "./list-repositories.ts";
import type { Session } from "./session.ts";

/** What a unit's line of the plan says to `collect`. */
export const unitInput = z.discriminatedUnion("subject", [
  z.object({ subject: z.literal("repository"), owner: z.string(), name: z.string() }),
  z.object({ subject: z.enum(["organization", "user"]), name: z.string() }),
  z.object({ subject: z.literal("missing"), owner: z.string(), name: z.string(), why: z.string() }),
]);

const ownerObject = z.object({ id: z.int(), login: z.string().min(1) });

/** Kilobytes, as GitHub tells them, from which on a repository is too large for a function's fifteen minutes. */
const LARGE_KB = 1_000_000;

/** The organization and the user themselves, and a unit a repository, called owner/name. Each is found again by its number. */
export async function* listUnits(
  { options, chosen }: Pick<Github, "options" | "chosen">,
  session: Session,
): AsyncGenerator<Unit> {
  const { organization, user } = options;
  if (organization !== undefined && chosen.has("organization"))
    yield await ownerUnit(session, "organization", organization);
  if (user !== undefined && chosen.has("user")) yield await ownerUnit(session, "user", user);
  for await (const listed of listRepositories(options, session)) yield unitOf(listed);
}

async function ownerUnit(session: Session, subject: "organization" | "user", login: string): Promise<Unit> {
  const path = `/${subject === "organization" ? "orgs" : "users"}/${encodeURIComponent(login)}`;
  const { status, json } = await session.get(path);
  const found = ownerObject.safeParse(json);
  if (status !== 200 || !found.success) {
    const code = status === 403 ? "SOURCE_FORBIDDEN" : "SOURCE_NOT_FOUND";
    throw new SourceError(code, `GitHub does not show the ${subject} ${login} to these credentials (${status})`);
  }
  return {
    id: found.data.login,
    identity: `${subject}:${found.data.id}`,
    compute: "lambda",
    input: { subject, name: found.data.login },
  };
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
