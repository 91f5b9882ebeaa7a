import "./no-waiting.ts";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jumpClocks, plannedJumps } from "./clock-run.ts";
import { injectFaults, plannedFaults } from "./fault-run.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { inMemory, onFilesystem, type StoreKind } from "./stores.ts";
import { added, findingLines, summary, type Tally } from "./tally.ts";
import { veiled } from "./veiled-store.ts";

/** The short form. `npm run soak` takes all of them, on every storage, as often as there is time. */
const SHARES: readonly { store: StoreKind; faults: number; jumps: number }[] = [
  { store: inMemory, faults: 0.36, jumps: 1 / 29 },
  { store: onFilesystem, faults: 1 / 80, jumps: 0 },
  { store: veiled(inMemory), faults: 1 / 100, jumps: 0 },
];
/** A fault there takes twice as long, and is seldom another one than without it. */
const OF_AGE = 4;
const LEAST_FAULTS = 2_000;

const tallies: Tally[] = [];
const source = sourceOf({ bigBytes: 5_000 });

for (const { store, faults, jumps } of SHARES) {
  for (const scenario of await scenarios(source)) {
    test(`${store.name}: whatever call fails in "${scenario.name}", what is told is true and the next run succeeds`, async () => {
      const planned = await plannedFaults(store, scenario, source);
      const part = scenario.encrypted === true ? faults / OF_AGE : faults;
      holds(await injectFaults(store, scenario, source, share(planned, part)));
    });
    if (jumps > 0 && scenario.nextPolicy === undefined) {
      test(`${store.name}: whenever the clock jumps in "${scenario.name}", nothing is lost`, async () => {
        holds(await jumpClocks(store, scenario, source, share(await plannedJumps(store, scenario, source), jumps)));
      });
    }
  }
}

test(`at least ${LEAST_FAULTS} faults were injected`, (t) => {
  const all = added(tallies);
  assert.ok(all.faults >= LEAST_FAULTS, `only ${all.faults}`);
  t.diagnostic(summary(all));
});

after(() => console.log(summary(added(tallies))));

function holds(tally: Tally): void {
  tallies.push(tally);
  assert.ok(tally.faults + tally.jumps > 0);
  assert.equal(findingLines(tally.findings).join("\n"), "");
}

function share<T>(all: readonly T[], part: number): readonly T[] {
  return all.filter((_, index) => Math.floor((index + 1) * part) > Math.floor(index * part));
}
