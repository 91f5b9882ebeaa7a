import { readAll } from "../../bytes.ts";
import { CodedError, TransientError } from "../../errors.ts";
import type { PreviousArtifact, PreviousUnit } from "../connector.ts";
import { wholeParts } from "./kind-parts.ts";
import { type Line, type LineKind, linesOf } from "./lines.ts";
import { type Collected, collectedSchema, type KindState, wasReadable } from "./state.ts";

/** What the last good snapshot knows of a subject, as far as it can be read here. */
export interface PreviousSubject {
  readonly snapshot: string | undefined;
  /** Undefined where what was read cannot be had, so that the kind is read in full. `artifact` is where it lies. */
  stateOf(kind: string, artifact: string): KindState | undefined;
  linesOf(kind: LineKind): (() => AsyncIterable<Line>) | undefined;
  /** In how many artifacts they are. */
  partsOf(kind: LineKind): number;
  /** Whether the kind could be read then, also when we cannot open it now: an encrypted snapshot is closed to who wrote it. */
  wasReadable(name: string): boolean;
  readonly unit: PreviousUnit | undefined;
  /** `collected.json` as it is there. */
  readonly collectedText: string | undefined;
}

const COLLECTED = "collected.json";
const MAX_BYTES = 16 * 1024 * 1024;

export async function previousSubject(unit: PreviousUnit | undefined): Promise<PreviousSubject> {
  const collectedText = await readText(unit);
  const collected = collectedText === undefined ? undefined : parsed(collectedText);
  const facts = unit?.artifacts.get(COLLECTED)?.facts.states;
  const states: Readonly<Record<string, unknown>> =
    typeof facts === "object" && facts !== null && !Array.isArray(facts) ? { ...facts } : {};
  return {
    snapshot: unit?.snapshot,
    unit,
    collectedText,
    stateOf(name, artifact) {
      const state = collected?.kinds[name];
      // A kind that had lines whose artifact is damaged is as unknown as one that was never read.
      if (state?.state !== "READ") return state;
      const isThere = artifact.endsWith(".jsonl")
        ? wholeParts({ name }, unit?.artifacts) !== undefined
        : unit?.artifacts.has(artifact) === true;
      return isThere ? state : undefined;
    },
    linesOf(kind) {
      const parts = collected === undefined ? undefined : wholeParts(kind, unit?.artifacts);
      return parts === undefined ? undefined : () => linesOfParts(kind, parts);
    },
    partsOf: (kind) => wholeParts(kind, unit?.artifacts)?.length ?? 0,
    wasReadable: (name) =>
      states[name] === "READ" || states[name] === "EMPTY" || wasReadable(collected?.kinds[name]?.state),
  };
}

async function* linesOfParts(kind: LineKind, parts: readonly PreviousArtifact[]): AsyncGenerator<Line> {
  for (const part of parts) yield* linesOf(kind, part.open());
}

/** What cannot be read (sealed, damaged, gone) is as if it were not there. */
async function readText(unit: PreviousUnit | undefined): Promise<string | undefined> {
  const artifact = unit?.artifacts.get(COLLECTED);
  if (artifact === undefined) return undefined;
  try {
    return Buffer.from(await readAll(artifact.open(), MAX_BYTES)).toString("utf8");
  } catch (error) {
    if (error instanceof CodedError && !(error instanceof TransientError)) return undefined;
    throw error;
  }
}

/** That of another version is as if it were not there, too. */
function parsed(text: string): Collected | undefined {
  const result = collectedSchema.safeParse(JSON.parse(text));
  return result.success ? result.data : undefined;
}
