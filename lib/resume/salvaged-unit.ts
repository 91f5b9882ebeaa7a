import type { PreviousArtifact, PreviousUnit } from "../connectors/connector.ts";
import type { Previous } from "./previous.ts";

/** What a unit stored in several runs that failed, the newest first, as one: of each artifact the newest. */
export function salvagedUnit(salvage: readonly Pick<Previous, "unit">[]): PreviousUnit | undefined {
  const [newest] = salvage;
  if (newest === undefined) return undefined;
  const artifacts = new Map<string, PreviousArtifact>();
  for (const { unit } of salvage.toReversed())
    for (const [name, artifact] of unit.artifacts) artifacts.set(name, { ...artifact, snapshot: unit.snapshot });
  const unusable = new Set(salvage.flatMap(({ unit }) => [...(unit.unusable ?? [])]));
  return { snapshot: newest.unit.snapshot, artifacts, unusable };
}
