import "./no-waiting.ts";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { boundariesOf, flipAtEach, killAtEach } from "./kill-run.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { onFilesystem } from "./stores.ts";
import { added, findingLines, newTally, summary, type Tally } from "./tally.ts";

/** The short form takes every fifth boundary, of what is for age every eighth, and of an artifact of several writes all; `npm run soak` takes all of everything. */
const EVERY = 5;
const EVERY_FOR_AGE = 8;
const LEAST_POINTS = 200;
const SMALL_BYTES = 5_000;
/** Two writes: the artifact is given in pieces of a mebibyte. */
const BIG_BYTES = 1_200_000;
/** So many artifacts of a unit are announced one by one, and then their folder. */
const MOST_NAMED = 16;
const MANY = MOST_NAMED + 4;

const tallies: Tally[] = [];

for (const scenario of await scenarios(sourceOf({ bigBytes: SMALL_BYTES }))) {
  if (scenario.nextPolicy !== undefined) continue;
  test(`killed at any boundary of "${scenario.name}", nothing is lost and the next run succeeds by itself`, async () => {
    const boundaries = await boundariesOf(onFilesystem, scenario, SMALL_BYTES);
    const every = scenario.encrypted === true ? EVERY_FOR_AGE : EVERY;
    const points = boundaries.map((_, index) => index + 1).filter((point) => point % every === 1);
    await holds(scenario, SMALL_BYTES, points);
  });
}

test("killed anywhere in an artifact of several writes, nothing is lost and the next run succeeds by itself", async () => {
  const scenario = await firstRun();
  const boundaries = await boundariesOf(onFilesystem, scenario, BIG_BYTES);
  const points = boundaries.flatMap((text, index) => (/Z\/big\//.test(text) ? [index + 1] : []));
  assert.ok(points.length >= 8, boundaries.join("\n"));
  await holds(scenario, BIG_BYTES, points);
});

test("killed in a unit whose record names its folder and no artifact of it, nothing is lost and the next run succeeds by itself", async () => {
  const scenario = { ...(await firstRun()), name: "first run of many artifacts", many: MANY };
  const boundaries = await boundariesOf(onFilesystem, scenario, SMALL_BYTES);
  const ofMany = boundaries.flatMap((text, index) => (/Z\/(many\/|[.]run\/units\/3[.])/.test(text) ? [index + 1] : []));
  const named = boundaries.findIndex((text) => text.includes(`/many/${MOST_NAMED + 1}.json`)) + 1;
  assert.ok(named > 0, boundaries.join("\n"));
  const points = ofMany.filter((point) => point >= named).filter((_, index) => index % EVERY === 0);
  assert.ok(points.length >= 4, boundaries.join("\n"));
  await holds(scenario, SMALL_BYTES, points);
});

test("a bit that turns over on its way to the disk is found before its object has a name", async () => {
  const scenario = await firstRun();
  const boundaries = await boundariesOf(onFilesystem, scenario, BIG_BYTES);
  const writes = boundaries.flatMap((text, index) => (/^(write|second half)/.test(text) ? [index + 1] : []));
  const tally = await flipAtEach(
    scenario,
    BIG_BYTES,
    writes.filter((_, index) => index % EVERY === 1),
  );
  tallies.push(tally);
  assert.ok(tally.faults >= 10, `only ${tally.faults} writes`);
  assert.equal(findingLines(tally.findings).join("\n"), "");
});

test(`at least ${LEAST_POINTS} points were killed, and what had ended before was not collected again`, () => {
  const { points, kept } = added(tallies);
  assert.ok(points >= LEAST_POINTS, `only ${points}`);
  assert.ok(kept > 0, "no unit had ended before a kill");
});

after(() => console.log(summary(added([newTally(), ...tallies]))));

async function firstRun(): Promise<Scenario> {
  const scenario = (await scenarios(sourceOf({ bigBytes: BIG_BYTES }))).find(({ name }) => name === "first run");
  assert.ok(scenario);
  return scenario;
}

async function holds(scenario: Scenario, bigBytes: number, points: readonly number[]): Promise<void> {
  const tally = await killAtEach(onFilesystem, scenario, bigBytes, points);
  tallies.push(tally);
  assert.equal(tally.points + tally.missed, points.length);
  assert.equal(findingLines(tally.findings).join("\n"), "");
}
