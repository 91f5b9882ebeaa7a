import { readAll } from "../../bytes.ts";
import { CodedError, TransientError } from "../../errors.ts";
import type { CollectContext, PreviousArtifact, PreviousUnit } from "../connector.ts";
import { begunKind, wholeParts } from "./kind-parts.ts";
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
  /**
   * The snapshot in which the kind could be read last, also when we cannot open it now: an encrypted snapshot is closed to who wrote it. What a
   * unit could read that failed since counts, too, and be it a part of a list.
   */
  readIn(name: string): string | undefined;
  /** The snapshot that holds the kind's last lines or bundle, for as long as it is there. */
  heldIn(name: string): string | undefined;
  readonly unit: PreviousUnit | undefined;
  /** What the unit stored when it failed since. */
  readonly salvage: PreviousUnit | undefined;
  /** `collected.json` as it is there. */
  readonly collectedText: string | undefined;
}

const COLLECTED = "collected.json";
const MAX_BYTES = 16 * 1024 * 1024;

export async function previousSubject({
  previous: unit,
  salvage,
  hasSnapshot,
}: Pick<CollectContext, "previous" | "salvage" | "hasSnapshot">): Promise<PreviousSubject> {
  const collectedText = await readText(unit);
  const collected = collectedText === undefined ? undefined : parsed(collectedText);
  const states = factOf(unit, "states");
  const since = factOf(salvage, "states");
  const lost = { ...factOf(unit, "lost"), ...factOf(salvage, "lost") };
  const held = await thoseThere({ ...factOf(unit, "held"), ...factOf(salvage, "held") }, hasSnapshot);
  const lastWith = (
    name: string,
    isIt: (state: unknown) => boolean,
    told: Readonly<Record<string, unknown>>,
  ): string | undefined => {
    if (isIt(states[name]) || isIt(collected?.kinds[name]?.state)) return unit?.snapshot;
    if (isIt(since[name])) return salvage?.artifacts.get(COLLECTED)?.snapshot ?? salvage?.snapshot;
    return typeof told[name] === "string" ? told[name] : undefined;
  };
  return {
    snapshot: unit?.snapshot,
    unit,
    salvage,
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
    readIn: (name) =>
      lastWith(name, wasReadable, lost) ?? begunKind({ name }, salvage?.artifacts)?.parts.at(-1)?.snapshot,
    heldIn: (name) => lastWith(name, (state) => state === "READ", held),
  };
}

/** Snapshots by kind, without those that retention has removed. */
async function thoseThere(
  snapshots: Readonly<Record<string, unknown>>,
  hasSnapshot: CollectContext["hasSnapshot"],
): Promise<Readonly<Record<string, unknown>>> {
  const gone = new Set<unknown>();
  for (const snapshot of new Set(Object.values(snapshots)))
    if ((await hasSnapshot?.(String(snapshot))) === false) gone.add(snapshot);
  return Object.fromEntries(Object.entries(snapshots).filter(([, snapshot]) => !gone.has(snapshot)));
}

/** What the manifest tells of each kind in a fact of `collected.json`. */
function factOf(unit: PreviousUnit | undefined, name: "states" | "lost" | "held"): Readonly<Record<string, unknown>> {
  const fact = unit?.artifacts.get(COLLECTED)?.facts[name];
  return typeof fact === "object" && fact !== null && !Array.isArray(fact) ? { ...fact } : {};
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
