import type { KeptArtifact } from "../connector.ts";
import { wholeParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { type KindState, wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * What is remembered of a kind that was stored before the unit had to wait. What GitHub said of it afterwards is of another moment
 * than what is stored: remembered beside it, everything that changed in between would pass for known. So it is what the facts of its last part
 * tell of its lines; the next run goes on from there, or reads it whole.
 */
export function keptState(
  kind: Pick<Kind, "reading"> | undefined,
  before: KindState | undefined,
  { facts }: Pick<KeptArtifact, "facts">,
): KindState {
  const newest = typeof facts.newest === "string" || typeof facts.newest === "number" ? facts.newest : before?.newest;
  const sweptAt = typeof facts.sweptAt === "string" ? facts.sweptAt : before?.sweptAt;
  return {
    state: "READ",
    // Where lists go on from. Of anything else it stands for what was stored then.
    ...(kind?.reading.how === "newest" && newest !== undefined ? { newest } : {}),
    ...(sweptAt === undefined ? {} : { sweptAt }),
  };
}

/** Where git's histories lie, by what stands for them among the kinds. */
export const BUNDLES: Readonly<Record<string, string>> = {
  git: "repository.bundle",
  wiki: "wiki.bundle",
  gist_git: "gist.bundle",
};

/** The states of all kinds as they are to be remembered beside what is stored. */
export function rememberedStates({ states, kinds, previous, context }: SubjectWork): Record<string, KindState> {
  const remembered = [...states].map(([name, state]): [string, KindState] => {
    const bundle = BUNDLES[name];
    const kept = bundle === undefined ? wholeParts({ name }, context.kept)?.at(-1) : context.kept?.get(bundle);
    // Of one that was only begun by then the rest was read just now.
    if (kept === undefined || !wasReadable(state.state)) return [name, state];
    const before = previous.stateOf(name, bundle ?? `${name}.jsonl`);
    const isOfThen = kept.how === "taken over" && state.state === before?.state && state.newest === before.newest;
    const kind = kinds.find((one) => one.name === name);
    return [name, isOfThen ? state : keptState(kind, before, kept)];
  });
  return Object.fromEntries(remembered);
}
