import * as z from "zod";
import { SourceError } from "../../errors.ts";
import type { Unit } from "../connector.ts";
import type { Github } from "./github-context.ts";
import { listGists } from "./list-gists.ts";
import { type Listed, listRepositories } from "./list-repositories.ts";
import { contentsOf, largeParts, PARTS } from "./parts.ts";
import { PROBED_AT_ONCE, type Probed, type Prober, proberOf } from "./probe.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

/** What a unit's line of the plan says to `collect`. */
export const unitInput = z.discriminatedUnion("subject", [
  z.object({
    subject: z.literal("repository"),
    owner: z.string(),
    name: z.string(),
    probe: z.record(z.string(), z.string()).optional(),
    /** The parts that the unit holds; all of them when absent. */
    parts: z.array(z.enum(PARTS)).optional(),
  }),
  z.object({ subject: z.enum(["organization", "user"]), name: z.string() }),
  z.object({ subject: z.literal("gist"), id: z.string() }),
  z.object({ subject: z.literal("missing"), owner: z.string(), name: z.string(), why: z.string() }),
]);

export type UnitInput = z.infer<typeof unitInput>;

const ownerObject = z.object({ id: z.int(), login: z.string().min(1) });

/** The organization and the user themselves, and a unit a repository, called owner/name. Each is found again by its number. */
export async function* listUnits(
  { options, chosen }: Pick<Github, "options" | "chosen">,
  session: Session,
): AsyncGenerator<Unit> {
  const { organization, user } = options;
  if (organization !== undefined && chosen.has("organization"))
    yield await ownerUnit(session, "organization", organization);
  if (user !== undefined && chosen.has("user")) yield await ownerUnit(session, "user", user);
  if (user !== undefined && chosen.of("gist").length > 0) yield* gistUnits(chosen, session, user);
  const probes = proberOf(chosen, session);
  let some: Listed[] = [];
  for await (const listed of listRepositories(options, session)) {
    some.push(listed);
    if (some.length < PROBED_AT_ONCE) continue;
    yield* probedUnits(some, chosen, probes);
    some = [];
  }
  yield* probedUnits(some, chosen, probes);
}

/** With what one question tells about all of them. */
async function* probedUnits(some: readonly Listed[], chosen: Github["chosen"], probes: Prober): AsyncGenerator<Unit> {
  const known = await probes(some.flatMap((listed) => (listed.kind === "repository" ? [listed.repository] : [])));
  for (const listed of some)
    yield* unitsOf(listed, chosen, listed.kind === "repository" ? known.get(listed.repository.id) : undefined);
}

/** Gists that are not shown are a unit that fails, for the configuration asks for them; the rest of the job goes on. */
async function* gistUnits(chosen: Github["chosen"], session: Session, user: string): AsyncGenerator<Unit> {
  try {
    for await (const { id, owner } of listGists(chosen, session, user))
      yield { id: `${owner}/gists/${id}`, identity: `gist:${id}`, compute: "lambda", input: { subject: "gist", id } };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    yield* unitsOf({ kind: "missing", owner: user, name: "gists", why: error.message }, chosen, undefined);
  }
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

/**
 * What is large of a repository is a unit of its own, on a task: its git and its releases' files take long, each in its own way, and must not make its
 * issues wait. What is known as the repository is the one with the metadata, so that it goes on when the repository was, or becomes again, one unit.
 */
function* unitsOf(listed: Listed, chosen: Github["chosen"], probed: Probed | undefined): Generator<Unit> {
  if (listed.kind === "missing") {
    const { owner, name, why } = listed;
    yield { id: `${owner}/${name}`, compute: "lambda", input: { subject: "missing", owner, name, why } };
    return;
  }
  const { id: number, name, owner, size } = listed.repository;
  const id = `${owner.login}/${name}`;
  const identity = `repository:${number}`;
  const input = {
    subject: "repository",
    owner: owner.login,
    name,
    ...(probed === undefined ? {} : { probe: probed.probe }),
  } as const;
  // GitHub tells kilobytes.
  const large = largeParts(size * 1_000, probed?.assetBytes).filter((part) =>
    contentsOf(part).some((content) => chosen.has(content)),
  );
  const rest = PARTS.filter((part) => !large.some((one) => one === part));
  yield { id, identity, compute: "lambda", input: large.length === 0 ? input : { ...input, parts: rest } };
  for (const part of large) {
    yield {
      id: `${id}/${part}`,
      identity: `${identity}/${part}`,
      compute: "fargate",
      input: { ...input, parts: [part] },
    };
  }
}
