import { jumpClocks, plannedJumps } from "./clock-run.ts";
import { injectFaults, plannedFaults } from "./fault-run.ts";
import { boundariesOf, flipAtEach, killAtEach } from "./kill-run.ts";
import type { Random } from "./random.ts";
import { killRestores } from "./restore-run.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { steadily } from "./steady-run.ts";
import { inMemory, onFilesystem, type StoreKind } from "./stores.ts";
import { suspendAtEach, suspendable } from "./suspend-run.ts";
import type { Tally } from "./tally.ts";
import { liveThrough } from "./years-run.ts";

/** Some minutes' work at most, of one kind. */
export interface Piece {
  readonly kind: string;
  readonly run: () => Promise<Tally>;
}

export interface Extent {
  readonly stores: readonly StoreKind[];
  /** Of the one artifact that takes several writes. */
  readonly bigBytes: number;
  readonly seed: number;
  readonly random: Random;
}

/** Small, so that a short time holds something of every kind. */
const SLICE = 20;
/** Units at once, beside one after the other: then calls of several are under way when one of them fails. */
const CONCURRENCY = 3;

/**
 * What goes ahead, and how many times as fast: a fault in memory takes 20 ms, on files ten times that, on S3 forty. So a limited
 * time holds as many faults as it can, and something of everything.
 */
const AHEAD: Readonly<Record<string, number>> = {
  "faults, memory": 8,
  "jumps of the clock": 8,
  "faults, filesystem": 2,
};

/**
 * The complete enumeration: every fault on every storage, every kill where another process can reach one, every jump. In an
 * order in which after any part of it the same part of each kind was done, but for what goes ahead.
 */
export async function piecesOf(extent: Extent): Promise<readonly Piece[]> {
  const { stores, bigBytes, seed, random } = extent;
  const source = sourceOf({ bigBytes });
  const days = 400 + random.below(4_000);
  const pieces: Piece[] = [
    { kind: "without a fault", run: () => steadily() },
    { kind: "years", run: () => liveThrough({ days, seed }) },
    { kind: "kills of restores", run: () => killRestores() },
  ];
  const add = <T>(kind: string, all: readonly T[], run: (slice: readonly T[]) => Promise<Tally>) => {
    for (const slice of slices(all)) pieces.push({ kind, run: () => run(slice) });
  };
  for (const scenario of await scenarios(source)) {
    for (const [store, one] of fields(stores, scenario)) {
      const firstByte = random.below(1_000);
      add(`faults, ${store.name}`, await plannedFaults(store, one, source), (faults) =>
        injectFaults(store, one, source, faults, firstByte),
      );
    }
    if (scenario.nextPolicy !== undefined) continue;
    const writes = numbered(await boundariesOf(onFilesystem, scenario, bigBytes), /^(write|second half)/);
    add("flips on the way to a disk", writes, (points) => flipAtEach(scenario, bigBytes, points));
    add("jumps of the clock", await plannedJumps(inMemory, scenario, source), (jumps) =>
      jumpClocks(inMemory, scenario, source, jumps),
    );
    for (const store of stores.filter((each) => each !== inMemory)) {
      add(`kills, ${store.name}`, numbered(await boundariesOf(store, scenario, bigBytes)), (points) =>
        killAtEach(store, scenario, bigBytes, points),
      );
      if (scenario.action !== "run") continue;
      add(`stops, ${store.name}`, numbered(await suspendable(store, scenario, bigBytes)), (points) =>
        suspendAtEach(store, scenario, bigBytes, points),
      );
    }
  }
  return evenly(pieces, random);
}

/** The numbers, from 1, of the boundaries that match. */
function numbered(boundaries: readonly string[], matching = /^/): readonly number[] {
  return boundaries.flatMap((text, index) => (matching.test(text) ? [index + 1] : []));
}

function evenly(pieces: readonly Piece[], random: Random): readonly Piece[] {
  const placed = [...Map.groupBy(pieces, ({ kind }) => kind).values()].flatMap((ones) =>
    shuffled(ones, random).map((piece, index) => ({ piece, part: index / ones.length / (AHEAD[piece.kind] ?? 1) })),
  );
  return shuffled(placed, random)
    .sort((a, b) => a.part - b.part)
    .map(({ piece }) => piece);
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  return all
    .map((one) => [random.below(1e9), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
}

function fields(stores: readonly StoreKind[], scenario: Scenario): readonly (readonly [StoreKind, Scenario])[] {
  const atOnce = { ...scenario, name: `${scenario.name}, ${CONCURRENCY} at once`, concurrency: CONCURRENCY };
  return [...stores.map((store) => [store, scenario] as const), [inMemory, atOnce]];
}

function slices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SLICE) }, (_, n) => all.slice(n * SLICE, (n + 1) * SLICE));
}
