import type { Facts } from "../connector.ts";
import type { LfsPointer } from "./lfs-pointers.ts";
import type { PreviousSubject } from "./previous-subject.ts";
import type { KindState } from "./state.ts";

/**
 * What the manifest is told of LFS beside `collected.json`, so that unchanged refs cost nothing either where the last snapshot is sealed to us.
 * `objects` are those that are stored.
 */
export function lfsFacts({ state, newest }: KindState, { stored: objects, missing }: LfsCounts): Facts {
  return { lfs: { state, ...(newest === undefined ? {} : { refs: newest }), objects, missing } };
}

export interface LfsCounts {
  readonly stored: number;
  /** The server does not have them. */
  readonly missing: number;
}

/**
 * The state as the manifest tells it; undefined where something of it is lost or damaged, and where the server lacked objects, which are to be asked for
 * again: which ones only the pointers tell.
 */
export function sealedState({ unit, collectedText }: PreviousSubject): KindState | undefined {
  const told = unit?.artifacts.get("collected.json")?.facts.lfs;
  if (collectedText !== undefined || typeof told !== "object" || told === null || !("refs" in told)) return undefined;
  const { state, refs: newest, objects, missing } = told;
  if (typeof newest !== "string") return undefined;
  if (state === "EMPTY") return { state, newest };
  const isWhole = missing === 0 && stored(unit?.artifacts ?? new Map()).length === objects;
  return state === "READ" && isWhole ? { state, newest } : undefined;
}

export const sealedObjects = ({ unit }: PreviousSubject): readonly LfsPointer[] => stored(unit?.artifacts ?? new Map());

function stored(artifacts: ReadonlyMap<string, { readonly facts: Facts }>): LfsPointer[] {
  return [...artifacts.values()].flatMap(({ facts: { lfs: oid, bytes: size } }) =>
    typeof oid === "string" && typeof size === "number" ? [{ oid, size }] : [],
  );
}
