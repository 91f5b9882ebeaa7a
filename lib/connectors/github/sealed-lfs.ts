import type { Facts } from "../connector.ts";
import type { LfsPointer } from "./lfs-pointers.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import type { KindState } from "./state.ts";

/**
 * What the manifest is told of LFS beside `collected.json`, so that unchanged refs cost nothing either where the last snapshot is sealed to us.
 * `objects` are those that are stored.
 */
export function lfsFacts({ state, newest }: KindState, objects: number): Facts {
  return { lfs: { state, ...(newest === undefined ? {} : { refs: newest }), objects } };
}

/** The state as the manifest tells it; undefined where something of it is missing or damaged. */
export function sealedState({ unit, collectedText }: PreviousSubject): KindState | undefined {
  const told = unit?.artifacts.get("collected.json")?.facts.lfs;
  if (collectedText !== undefined || typeof told !== "object" || told === null || !("refs" in told)) return undefined;
  const { state, refs: newest, objects } = told;
  if (typeof newest !== "string") return undefined;
  if (state === "EMPTY") return { state, newest };
  const isWhole = unit?.artifacts.has("lfs.jsonl") === true && stored(unit.artifacts).length === objects;
  return state === "READ" && isWhole ? { state, newest } : undefined;
}

export async function* sealedObjects({ unit }: PreviousSubject): AsyncGenerator<LfsPointer> {
  yield* stored(unit?.artifacts ?? new Map());
}

function stored(artifacts: ReadonlyMap<string, { readonly facts: Facts }>): LfsPointer[] {
  return [...artifacts.values()].flatMap(({ facts: { lfs: oid, bytes: size } }) =>
    typeof oid === "string" && typeof size === "number" ? [{ oid, size }] : [],
  );
}
