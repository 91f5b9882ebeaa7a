import type { Engine } from "../engine/engine.ts";
import type { ContainerSummary } from "../engine/shapes.ts";
import { type Hold, holdsOf } from "./hold.ts";
import { isAbandoned, withUntil } from "./owner.ts";

/**
 * Labels of a container never change, and say what a helper is going to hold. What it does hold, and until when its owner
 * may be alive, is in its name: `core-backup-<random>.<seconds, base 36>.<a bit for each of its holds, hexadecimal>`.
 */
export interface Marker {
  /** From when on other machines may take its owner for dead. */
  readonly until: Date;
  readonly held: readonly Hold[];
}

/** What there is to know of a helper container. */
export type MarkedHelper = Pick<ContainerSummary, "Id" | "Names" | "Labels">;

const NAME = /^\/?core-backup-[0-9a-f]+\.([0-9a-z]+)\.([0-9a-f]+)$/;

export function markedName(name: string, planned: readonly Hold[], { until, held }: Marker): string {
  const bits = planned.reduce((sum, hold, index) => (held.includes(hold) ? sum | (1n << BigInt(index)) : sum), 0n);
  return `${name}.${Math.ceil(until.getTime() / 1000).toString(36)}.${bits.toString(16)}`;
}

/** What a helper holds, in the order in which it was held. */
export function heldBy({ Names, Labels }: MarkedHelper): readonly Hold[] {
  const bits = BigInt(`0x${partsOf(Names)?.bits ?? "0"}`);
  return holdsOf(Labels).filter((_, index) => ((bits >> BigInt(index)) & 1n) === 1n);
}

/** Whether who made the helper is gone, see `isAbandoned`. */
export function isHelperAbandoned({ Names, Labels }: MarkedHelper, now: Date, engineIsHere: boolean): boolean {
  const seconds = partsOf(Names)?.seconds;
  const until = seconds === undefined ? undefined : new Date(Number.parseInt(seconds, 36) * 1000);
  return isAbandoned(until === undefined ? Labels : withUntil(Labels, until), now, engineIsHere);
}

function partsOf(names: readonly string[]): { readonly seconds: string; readonly bits: string } | undefined {
  for (const name of names) {
    const [, seconds, bits] = NAME.exec(name) ?? [];
    if (seconds !== undefined && bits !== undefined) return { seconds, bits };
  }
  return undefined;
}

export type WriteMarker = (marker: Marker, signal: AbortSignal) => Promise<void>;

/** Writes markers of one helper, each in place of the last. */
export function markerOf(
  engine: Engine,
  helper: { readonly id: string; readonly name: string },
  planned: readonly Hold[],
): WriteMarker {
  let current = helper.name;
  return async (marker, signal) => {
    const name = markedName(helper.name, planned, marker);
    // The Engine refuses to call it what it is called.
    if (name === current) return;
    const path = `/containers/${helper.id}/rename`;
    await engine.send({
      method: "POST",
      path,
      query: { name },
      signal,
      what: "does not rename a container of core-backup",
    });
    current = name;
  };
}
