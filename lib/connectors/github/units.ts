import * as z from "zod";
import { DeferredError, SourceError } from "../../errors.ts";
import { wholeOf } from "../../identity.ts";
import type { Unit, UnitBefore } from "../connector.ts";
import { absentUnits } from "./absent.ts";
import type { Github } from "./github-context.ts";
import { listGists } from "./list-gists.ts";
import { listRepositories } from "./list-repositories.ts";
import { type ListingState, listingState, type Missing } from "./listing-state.ts";
import { numbered } from "./numbered.ts";
import { type KnownParts, knownParts, PARTS } from "./parts.ts";
import { PROBED_AT_ONCE, type Prober, proberOf } from "./probe.ts";
import type { RepositoryObject } from "./repository-object.ts";
import { repositoryUnits } from "./repository-units.ts";
import type { Session } from "./session.ts";
import type { Shown } from "./shown.ts";
import { UnreadableError } from "./unreadable.ts";

/** What a unit's line of the plan says to `collect`. */
export const unitInput = z.discriminatedUnion("subject", [
  z.object({
    subject: z.literal("repository"),
    owner: z.string(),
    name: z.string(),
    visibility: z.string().optional(),
    /** Whether the credentials' user administers it, where GitHub says so. */
    isAdmin: z.boolean().optional(),
    probe: z.record(z.string(), z.string()).optional(),
    /** The parts that the unit holds; all of them when absent. */
    parts: z.array(z.enum(PARTS)).optional(),
  }),
  z.object({ subject: z.enum(["organization", "user"]), name: z.string() }),
  z.object({ subject: z.literal("gist"), id: z.string() }),
  z.object({ subject: z.literal("missing"), owner: z.string(), name: z.string(), why: z.string() }),
  /** What the last snapshots hold and GitHub does not show any more. */
  z.object({
    subject: z.literal("absent"),
    code: z.enum(["SOURCE_FORBIDDEN", "SOURCE_NOT_FOUND"]),
    why: z.string(),
  }),
]);

export type UnitInput = z.infer<typeof unitInput>;

/** Units of one sort are shown alike to the same credentials: anybody is shown the issues of a public repository, and who administers one more than others. */
export function sortOf(input: UnitInput): string {
  if (input.subject !== "repository") return `${input.subject}s`;
  const { visibility = "", owner, isAdmin } = input;
  return `${visibility} repositories of ${owner}${isAdmin === false ? " that their user does not administer" : ""}`;
}

/** Of which sort it is the first one, where what it may not read stands for all of them, for GitHub tells the credentials' rights in no other way. */
export const tellsRightsOf = (unit: Unit): string | undefined => rightsTeller.safeParse(unit.input).data?.tellsRightsOf;
const rightsTeller = z.object({ tellsRightsOf: z.string() });

const ownerObject = z.object({ id: z.int(), login: z.string().min(1) });

/**
 * The organization and the user themselves, and a unit a repository, called owner/name. Each is found again by its number. What `known` says was
 * there and was not listed comes last.
 */
export async function* listUnits(
  { options, chosen, scope }: Pick<Github, "options" | "chosen" | "scope">,
  session: Session,
  known: readonly UnitBefore[] = [],
  state: ListingState = listingState(),
): AsyncGenerator<Unit> {
  const parts = knownParts(known);
  const { missing, shown } = state;
  async function* found(): AsyncGenerator<Unit> {
    yield* shownUnits({ options, chosen, scope }, session, parts, state);
    yield* absentUnits({ options, chosen, scope, session, parts, state }, known);
  }
  for await (const unit of found()) {
    const one = toldApart(unit, shown);
    shown.note(one);
    yield one;
  }
  for (const one of missing.map(missingUnit)) if (!shown.hasId(one.id)) yield one;
}

/** While all are listed, which may have us wait for hours, a name can pass to another repository: that has its number in it until the next run. */
function toldApart(unit: Unit, shown: Shown): Unit {
  const whole = wholeOf(unit.identity) ?? unit.identity ?? "";
  const isOther = shown.hasId(unit.id) && !shown.has(unit.identity ?? "");
  return isOther && whole.startsWith("repository:") ? { ...unit, id: numbered(unit.id, { whole }) } : unit;
}

async function* shownUnits(
  { options, chosen, scope }: Pick<Github, "options" | "chosen" | "scope">,
  session: Session,
  parts: KnownParts,
  state: ListingState,
): AsyncGenerator<Unit> {
  const { organization, user } = options;
  async function* once(step: string, units: () => AsyncIterable<Unit>): AsyncGenerator<Unit> {
    if (state.done.has(step)) return;
    yield* units();
    state.done.add(step);
  }
  if (organization !== undefined && chosen.has("organization"))
    yield* once("organization", () => ownerUnit(session, "organization", organization));
  if (user !== undefined && chosen.has("user")) yield* once("user", () => ownerUnit(session, "user", user));
  if (user !== undefined && chosen.of("gist").length > 0)
    yield* once("gists", () => gistUnits(chosen, session, user, state.shown));
  const probes = proberOf(chosen, session);
  let some: RepositoryObject[] = [];
  try {
    for await (const listed of listRepositories({ options, scope }, session, state)) {
      if (listed.kind === "missing") {
        state.missing.push(listed);
        continue;
      }
      some.push(listed.repository);
      if (some.length < PROBED_AT_ONCE) continue;
      yield* probedUnits(some, chosen, probes, parts);
      some = [];
    }
    yield* probedUnits(some, chosen, probes, parts);
  } catch (error) {
    // Their question would have to wait, too. Asked for anew in each hour they could take all of its requests.
    if (error instanceof DeferredError)
      for (const repository of some) yield* repositoryUnits(repository, chosen, parts);
    throw error;
  }
}

/** With what one question tells about all of them. */
async function* probedUnits(
  some: readonly RepositoryObject[],
  chosen: Github["chosen"],
  probes: Prober,
  parts: KnownParts,
): AsyncGenerator<Unit> {
  const probed = await probes(some);
  for (const repository of some)
    yield* repositoryUnits(repository, chosen, parts, { probed: probed.get(repository.id) });
}

/** Gists that are not shown are a unit that fails, for the configuration asks for them; the rest of the job goes on. */
async function* gistUnits(
  chosen: Github["chosen"],
  session: Session,
  user: string,
  shown: Shown,
): AsyncGenerator<Unit> {
  try {
    for await (const { id, owner } of listGists(chosen, session, user))
      if (!shown.has(`gist:${id}`))
        yield { id: `${owner}/gists/${id}`, identity: `gist:${id}`, compute: "lambda", input: { subject: "gist", id } };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    yield missingUnit({ kind: "missing", owner: user, name: "gists", why: error.message });
  }
}

async function* ownerUnit(session: Session, subject: "organization" | "user", login: string): AsyncGenerator<Unit> {
  const path = `/${subject === "organization" ? "orgs" : "users"}/${encodeURIComponent(login)}`;
  const { status, json } = await session.get(path);
  const found = ownerObject.safeParse(json);
  if (status !== 200 || !found.success) {
    const code = status === 403 ? "SOURCE_FORBIDDEN" : "SOURCE_NOT_FOUND";
    throw new SourceError(code, `GitHub does not show the ${subject} ${login} to these credentials (${status})`);
  }
  yield {
    id: found.data.login,
    identity: `${subject}:${found.data.id}`,
    compute: "lambda",
    input: { subject, name: found.data.login },
  };
}

const missingUnit = ({ owner, name, why }: Missing): Unit => ({
  id: `${owner}/${name}`,
  compute: "lambda",
  input: { subject: "missing", owner, name, why },
});
