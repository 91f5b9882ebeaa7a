import type { KeptArtifact } from "../connector.ts";
import { isUnfinished } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { type KindState, wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * What is remembered of a kind that was stored before the unit had to wait. What GitHub said of it afterwards is of another moment
 * than what is stored: remembered beside it, everything that changed in between would pass for known. The next run begins where
 * the last snapshot ended, or reads it whole.
 */
export function keptState(
  kind: Pick<Kind, "reading"> | undefined,
  before: KindState | undefined,
  kept?: KeptArtifact | undefined,
): KindState {
  const { newest } = before ?? {};
  const sweptAt = typeof kept?.facts.sweptAt === "string" ? kept.facts.sweptAt : before?.sweptAt;
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
    const artifact = BUNDLES[name] ?? `${name}.jsonl`;
    const kept = context.kept?.get(artifact);
    // One that goes on in another artifact was read to its end just now.
    if (kept === undefined || isUnfinished(kept) || !wasReadable(state.state)) return [name, state];
    const before = previous.stateOf(name, artifact);
    const isOfThen = kept.how === "taken over" && state.state === before?.state && state.newest === before.newest;
    const kind = kinds.find((one) => one.name === name);
    return [name, isOfThen ? state : keptState(kind, before, kept)];
  });
  return Object.fromEntries(remembered);
}
