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

export type Piece = () => Promise<Tally>;

export interface Extent {
  readonly stores: readonly StoreKind[];
  /** Of the one artifact that takes several writes. */
  readonly bigBytes: number;
  readonly seed: number;
  readonly random: Random;
}

const SLICE = 50;
/** Units at once, beside one after the other: then calls of several are under way when one of them fails. */
const CONCURRENCY = 3;

/** The complete enumeration: every fault on every storage, every kill where another process can reach one, every jump. */
export async function piecesOf({
  stores,
  bigBytes,
  seed,
  random,
}: Extent): Promise<{ pieces: Piece[]; counts: string }> {
  const source = sourceOf({ bigBytes });
  const pieces: Piece[] = [
    () => steadily(),
    () => liveThrough({ days: 400 + random.below(4_000), seed }),
    () => killRestores(),
  ];
  const counts = { faults: 0, kills: 0, stops: 0, jumps: 0 };
  for (const scenario of await scenarios(source)) {
    for (const [store, one] of fields(stores, scenario)) {
      const faults = await plannedFaults(store, one, source);
      counts.faults += faults.length;
      for (const slice of slices(faults))
        pieces.push(() => injectFaults(store, one, source, slice, random.below(1_000)));
    }
    if (scenario.nextPolicy !== undefined) continue;
    const writes = (await boundariesOf(onFilesystem, scenario, bigBytes)).flatMap((text, index) =>
      /^(write|second half)/.test(text) ? [index + 1] : [],
    );
    counts.faults += writes.length;
    for (const slice of slices(writes)) pieces.push(() => flipAtEach(scenario, bigBytes, slice));
    const jumps = await plannedJumps(inMemory, scenario, source);
    counts.jumps += jumps.length;
    for (const slice of slices(jumps)) pieces.push(() => jumpClocks(inMemory, scenario, source, slice));
    for (const store of stores.filter((each) => each !== inMemory)) {
      const points = (await boundariesOf(store, scenario, bigBytes)).map((_, index) => index + 1);
      counts.kills += points.length;
      for (const slice of slices(points)) pieces.push(() => killAtEach(store, scenario, bigBytes, slice));
      if (scenario.action !== "run") continue;
      const stops = (await suspendable(store, scenario, bigBytes)).map((_, index) => index + 1);
      counts.stops += stops.length;
      for (const slice of slices(stops)) pieces.push(() => suspendAtEach(store, scenario, bigBytes, slice));
    }
  }
  return {
    pieces,
    counts: `${counts.faults} faults, ${counts.jumps} jumps of the clock, ${counts.kills} kills, ${counts.stops} stops`,
  };
}

function fields(stores: readonly StoreKind[], scenario: Scenario): readonly (readonly [StoreKind, Scenario])[] {
  const atOnce = { ...scenario, name: `${scenario.name}, ${CONCURRENCY} at once`, concurrency: CONCURRENCY };
  return [...stores.map((store) => [store, scenario] as const), [inMemory, atOnce]];
}

function slices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SLICE) }, (_, n) => all.slice(n * SLICE, (n + 1) * SLICE));
}
