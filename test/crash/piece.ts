import { crc32 } from "node:zlib";
import { type Jump, jumpClocks } from "./clock-run.ts";
import { FAULT_KINDS } from "./fault-kinds.ts";
import { injectFaults, type Planned } from "./fault-run.ts";
import { flipAtEach, killAtEach } from "./kill-run.ts";
import { killRestores } from "./restore-run.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { steadily } from "./steady-run.ts";
import type { StoreKind } from "./stores.ts";
import { suspendAtEach, type Taker } from "./suspend-run.ts";
import type { Tally } from "./tally.ts";
import { liveThrough } from "./years-run.ts";

/** Some minutes' work at most, of one kind, as JSON: one process plans it, and any does it. */
export type Piece = Named &
  (
    | { readonly does: "steadily" }
    | { readonly does: "restores" }
    | { readonly does: "years"; readonly days: number; readonly seed: number }
    | (Of<"faults", NamedFault> & { readonly atOnce: boolean; readonly firstByte: number })
    | Of<"jumps", Jump>
    | Of<"flips" | "kills", number>
    | (Of<"stops", number> & { readonly taker: Taker })
  );

interface Named {
  /** As it is counted: `faults, memory`. */
  readonly kind: string;
  readonly scenario: string;
  /** Which of the pieces of this kind and scenario. */
  readonly slice: number;
}

interface Of<Does, Point> {
  readonly does: Does;
  readonly store: string;
  readonly points: readonly Point[];
}

/** A fault as JSON: its kind by its name. */
export type NamedFault = Omit<Planned, "kind"> & { readonly fault: string };

/** The words that kinds begin with. */
export const KINDS = ["faults", "flips", "jumps", "kills", "stops", "without a fault", "years"] as const;

/** Whether a piece is of one of these kinds, each by the word that it begins with; of any without them. */
export const isOf = ({ kind }: Named, kinds: readonly string[]): boolean =>
  kinds.length === 0 || kinds.some((word) => kind.startsWith(word));

/** Units at once, beside one after the other: then calls of several are under way when one of them fails. */
const CONCURRENCY = 3;

export const atOnce = (scenario: Scenario): Scenario => ({
  ...scenario,
  name: `${scenario.name}, ${CONCURRENCY} at once`,
  concurrency: CONCURRENCY,
});

/**
 * Whose a piece is where several machines share the enumeration. Each plans for itself, and one may find a boundary more than
 * another: that changes nothing for any other piece.
 */
export const shareOf = ({ kind, scenario, slice }: Named, parts: number): number =>
  (crc32(`${kind} ${scenario}`) + slice) % parts;

/** How pieces are done where the one large artifact has so many bytes. */
export function doerOf(stores: readonly StoreKind[], bigBytes: number): (piece: Piece) => Promise<Tally> {
  const source = sourceOf({ bigBytes });
  let made: Promise<readonly Scenario[]> | undefined;
  const named = async (name: string) => {
    made ??= scenarios(source);
    return found(await made, name);
  };
  return async (piece) => {
    if (piece.does === "steadily") return steadily();
    if (piece.does === "restores") return killRestores();
    if (piece.does === "years") return liveThrough(piece);
    const [store, scenario] = [found(stores, piece.store), await named(piece.scenario)];
    switch (piece.does) {
      case "faults": {
        const one = piece.atOnce ? atOnce(scenario) : scenario;
        return injectFaults(store, one, source, piece.points.map(faultOf), piece.firstByte);
      }
      case "jumps":
        return jumpClocks(store, scenario, source, piece.points);
      case "flips":
        return flipAtEach(scenario, bigBytes, piece.points);
      case "kills":
        return killAtEach(store, scenario, bigBytes, piece.points);
      case "stops":
        return suspendAtEach(store, scenario, bigBytes, piece.points, piece.taker);
    }
  };
}

/** The same name can stand for what happens to one method and to another. */
const faultOf = ({ fault, ...planned }: NamedFault): Planned => ({
  ...planned,
  kind: found(
    FAULT_KINDS.filter(({ methods }) => methods.includes(planned.on)),
    fault,
  ),
});

function found<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const one = all.find((each) => each.name === name);
  if (one === undefined) throw new Error(`there is no ${name}`);
  return one;
}
