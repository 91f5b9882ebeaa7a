import "./no-waiting.ts";
import { parseArgs } from "node:util";
import { jumpClocks, plannedJumps } from "./clock-run.ts";
import { injectFaults, plannedFaults } from "./fault-run.ts";
import { boundariesOf, killAtEach } from "./kill-run.ts";
import { type Random, randomOf } from "./random.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { steadily } from "./steady-run.ts";
import { inMemory, onFilesystem } from "./stores.ts";
import { added, findingLines, newTally, summary, type Tally } from "./tally.ts";
import { liveThrough } from "./years-run.ts";

/**
 * The long form: `npm run soak -- --minutes 60`. Goes round through everything, in another order and with other sizes and
 * days each time, until the time is up. `--seed` does a round again that found something; `--rounds` ends after so many.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string" }, rounds: { type: "string" } },
});
const ends = Date.now() + Number(values.minutes) * 60_000;
const first = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const rounds = Number(values.rounds ?? Number.POSITIVE_INFINITY);
const SLICE = 50;

const tallies: Tally[] = [];
for (let round = 0; round < rounds && (round === 0 || Date.now() < ends); round += 1) {
  const seed = first + round;
  console.log(`round ${round + 1}: --seed ${seed}`);
  for await (const tally of oneRound(randomOf(seed), seed)) {
    tallies.push(tally);
    for (const line of findingLines(tally.findings)) console.log(line);
    if (Date.now() >= ends) break;
  }
  console.log(summary(added(tallies)));
}
process.exitCode = added(tallies).findings.length === 0 ? 0 : 1;

/** Small pieces in turn, so that a short time sees something of everything. */
async function* oneRound(random: Random, seed: number): AsyncIterable<Tally> {
  const bigBytes = 1 + random.below(random.chance(0.2) ? 5_000_000 : 200_000);
  const source = sourceOf({ bigBytes });
  yield steadily();
  yield liveThrough({ days: 400 + random.below(4_000), seed });
  const pieces: (() => Promise<Tally>)[] = [];
  for (const scenario of await scenarios(source)) {
    for (const store of [inMemory, onFilesystem]) {
      const faults = await plannedFaults(store, scenario, source);
      for (const slice of slices(faults))
        pieces.push(() => injectFaults(store, scenario, source, slice, random.below(1_000)));
    }
    if (scenario.nextPolicy !== undefined) continue;
    const jumps = await plannedJumps(inMemory, scenario, source);
    for (const slice of slices(jumps)) pieces.push(() => jumpClocks(inMemory, scenario, source, slice));
    const points = (await boundariesOf(onFilesystem, scenario, bigBytes)).map((_, index) => index + 1);
    for (const slice of slices(points)) pieces.push(() => killAtEach(onFilesystem, scenario, bigBytes, slice));
  }
  while (pieces.length > 0) yield (await pieces.splice(random.below(pieces.length), 1)[0]?.()) ?? newTally();
}

function slices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SLICE) }, (_, n) => all.slice(n * SLICE, (n + 1) * SLICE));
}
