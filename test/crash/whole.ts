import { plannedJumps } from "./clock-run.ts";
import { plannedFaults } from "./fault-run.ts";
import { boundariesOf } from "./kill-run.ts";
import { atOnce, type Piece } from "./piece.ts";
import type { Random } from "./random.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { type Source, sourceOf } from "./source.ts";
import { inMemory, onFilesystem, type StoreKind } from "./stores.ts";
import { suspendable } from "./suspend-run.ts";

export interface Extent {
  readonly stores: readonly StoreKind[];
  /** Of the one artifact that takes several writes. */
  readonly bigBytes: number;
  readonly seed: number;
  readonly random: Random;
}

/** Small, so that a short time holds something of every kind. */
const SLICE = 20;

/**
 * The complete enumeration: every fault on every storage, every kill where another process can reach one, every jump. What
 * is planned in memory comes at once, and the rest as processes are seen to pass their boundaries.
 */
export async function* planWhole({ stores, bigBytes, seed, random }: Extent): AsyncGenerator<Piece> {
  const source = sourceOf({ bigBytes });
  const alone = { scenario: "", slice: 0 };
  yield { ...alone, kind: "without a fault", does: "steadily" };
  yield { ...alone, kind: "years", does: "years", days: 400 + random.below(4_000), seed };
  yield { ...alone, kind: "kills of restores", does: "restores" };
  const all = await scenarios(source);
  for (const scenario of all) {
    for (const isAtOnce of [false, true]) yield* faultsOf(inMemory, scenario, isAtOnce, source, random);
  }
  const reachable = stores.filter((store) => store !== inMemory);
  for (const scenario of all) {
    for (const store of reachable) yield* faultsOf(store, scenario, false, source, random);
    if (scenario.nextPolicy === undefined) yield* processesOf(reachable, scenario, source, bigBytes);
  }
}

async function* faultsOf(
  store: StoreKind,
  scenario: Scenario,
  isAtOnce: boolean,
  source: Source,
  random: Random,
): AsyncGenerator<Piece> {
  const firstByte = random.below(1_000);
  const planned = await plannedFaults(store, isAtOnce ? atOnce(scenario) : scenario, source);
  const faults = planned.map(({ kind, ...where }) => ({ ...where, fault: kind.name }));
  for (const [slice, points] of slices(faults).entries()) {
    const named = { kind: `faults, ${store.name}`, scenario: scenario.name, slice };
    yield { ...named, does: "faults", store: store.name, points, atOnce: isAtOnce, firstByte };
  }
}

async function* processesOf(
  reachable: readonly StoreKind[],
  scenario: Scenario,
  source: Source,
  bigBytes: number,
): AsyncGenerator<Piece> {
  const jumps = await plannedJumps(inMemory, scenario, source);
  for (const [slice, points] of slices(jumps).entries()) {
    const named = { kind: "jumps of the clock", scenario: scenario.name, slice };
    yield { ...named, does: "jumps", store: inMemory.name, points };
  }
  const numbers = (kind: string, store: StoreKind, all: readonly number[]) =>
    slices(all).map((points, slice) => ({ kind, scenario: scenario.name, slice, store: store.name, points }));
  const writes = numbered(await boundariesOf(onFilesystem, scenario, bigBytes), /^(write|second half)/);
  for (const piece of numbers("flips on the way to a disk", onFilesystem, writes)) yield { ...piece, does: "flips" };
  for (const store of reachable) {
    const kills = numbered(await boundariesOf(store, scenario, bigBytes));
    for (const piece of numbers(`kills, ${store.name}`, store, kills)) yield { ...piece, does: "kills" };
    if (scenario.action !== "run") continue;
    const stops = numbered(await suspendable(store, scenario, bigBytes));
    for (const taker of ["run", "prune"] as const) {
      const kind = `stops, ${taker} takes over, ${store.name}`;
      for (const piece of numbers(kind, store, stops)) yield { ...piece, does: "stops", taker };
    }
  }
}

/** The numbers, from 1, of the boundaries that match. */
function numbered(boundaries: readonly string[], matching = /^/): readonly number[] {
  return boundaries.flatMap((text, index) => (matching.test(text) ? [index + 1] : []));
}

function slices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SLICE) }, (_, n) => all.slice(n * SLICE, (n + 1) * SLICE));
}
