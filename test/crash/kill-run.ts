import { eachLimited } from "../../lib/pool.ts";
import { runChild } from "./child-process.ts";
import { readStore, TEMPORARY } from "./documents.ts";
import type { Image } from "./image.ts";
import {
  collectedAgain,
  endedUnits,
  removalViolations,
  secretViolations,
  storeViolations,
  temporaryViolations,
  type Violation,
  violation,
} from "./invariants.ts";
import type { Reach } from "./reach.ts";
import type { Scenario } from "./scenarios.ts";
import { type Source, sourceOf } from "./source.ts";
import { inMemory, onFilesystem, type Store, type StoreKind } from "./stores.ts";
import { newTally, note, refuseMissed, type Tally } from "./tally.ts";
import { act, isKnownCode, SECRET, timeOf } from "./world.ts";

/** Two processes at once: one loads while the other syncs. */
const AT_ONCE = 2;
const LARGE = 100_000;
const EMPTY = new Uint8Array();

/** Every boundary of a scenario, as a process that is not killed passes them. */
export async function boundariesOf(kind: StoreKind, scenario: Scenario, bigBytes: number): Promise<readonly string[]> {
  await using store = await kind.open(scenario.image);
  const answer = await runChild({ ...taskOf(scenario), reach: reachOf(store), bigBytes, at: 0, do: "SIGKILL" });
  if (answer?.outcome.status !== "ok")
    throw new Error(`${scenario.name} fails without a kill: ${JSON.stringify(answer)}`);
  return answer.boundaries;
}

/** Kills a process right before each of these boundaries (from 1), and has later runs set it right by themselves. */
export async function killAtEach(
  kind: StoreKind,
  scenario: Scenario,
  bigBytes: number,
  points: readonly number[],
): Promise<Tally> {
  const tally = newTally();
  const source = sourceOf({ bigBytes, many: scenario.many ?? 0 });
  const boundaries = await boundariesOf(kind, scenario, bigBytes);
  await eachLimited(points, AT_ONCE, async (killAt) => {
    const where = `kill ${kind.name}, ${scenario.name}, ${killAt}: before ${boundaries[killAt - 1]}`;
    await using store = await kind.open(scenario.image);
    const answer = await runChild({ ...taskOf(scenario), reach: reachOf(store), bigBytes, at: killAt, do: "SIGKILL" });
    const isPast = answer !== undefined && answer.boundaries.length < killAt;
    if (answer !== undefined && !isPast) throw new Error(`${where}: the process was not killed`);
    await judge(store, scenario, source, where, tally);
    if (!isPast) return;
    tally.points -= 1;
    tally.missed += 1;
  });
  refuseMissed(tally, `kill ${kind.name}, ${scenario.name}`);
  return tally;
}

/** Turns over a bit in each of these writes (by the number of their boundaries), on its way to the disk; then as after a kill. */
export async function flipAtEach(scenario: Scenario, bigBytes: number, points: readonly number[]): Promise<Tally> {
  const tally = newTally();
  const source = sourceOf({ bigBytes });
  const boundaries = await boundariesOf(onFilesystem, scenario, bigBytes);
  await eachLimited(points, AT_ONCE, async (at) => {
    const where = `flip filesystem, ${scenario.name}, ${at}: in ${boundaries[at - 1]}`;
    await using store = await onFilesystem.open(scenario.image);
    const answer = await runChild({ ...taskOf(scenario), reach: reachOf(store), bigBytes, at, do: "flip" });
    const codes = answer?.outcome.codes ?? ["the process was killed"];
    const unknown = codes.filter((code) => !isKnownCode(code));
    note(
      tally,
      where,
      unknown.map((code) => violation("typed-error", `the failure has the code ${code}`)),
    );
    await judge(store, scenario, source, where, tally);
    tally.points -= 1;
    tally.faults += 1;
  });
  return tally;
}

async function judge(store: Store, scenario: Scenario, source: Source, where: string, tally: Tally): Promise<void> {
  tally.points += 1;
  tally.runs += 1;
  const killed = await store.image();
  const change = { policy: scenario.policy, doubtful: false };
  note(tally, where, [
    ...storeViolations(killed, source),
    ...secretViolations(SECRET, killed, []),
    ...removalViolations({
      ...change,
      before: scenario.image,
      after: killed,
      now: timeOf(scenario.day),
      mayPrune: scenario.action !== "verify",
    }),
  ]);
  await pruneAlone(killed, scenario, source, where, tally);

  let before = killed;
  // At once, under a clock that stands still; and then when what was left is old enough to go.
  for (const [day, seconds] of [
    [scenario.day, 0],
    [scenario.day + 2, 60],
  ] as const) {
    const { storage } = store;
    const { status, codes, opened } = await act("run", {
      ...scenario,
      storage,
      source,
      day,
      secondsNow: () => seconds,
    });
    const after = await store.image();
    const isNext = before === killed;
    note(tally, `${where}, run of day ${day}`, [
      ...(status === "ok" ? [] : [violation("next-run-succeeds", `${status}: ${codes.join(", ")}`)]),
      ...storeViolations(after, source),
      ...removalViolations({ ...change, before, after, now: timeOf(day, seconds), mayPrune: true }),
      ...temporaryViolations(after),
      ...(isNext && isTakenUp(scenario) ? collectedAgain(killed, opened) : []),
    ]);
    if (isNext && isTakenUp(scenario)) tally.kept += endedUnits(killed).length;
    tally.runs += 1;
    before = after;
  }
  note(tally, where, leftoverRuns(before));
}

/** As an operator may who clears away first; in a copy, so that the run finds what the kill left. */
async function pruneAlone(killed: Image, scenario: Scenario, source: Source, where: string, tally: Tally) {
  const documents = [...killed].filter(([key]) => !TEMPORARY.test(key));
  // What artifacts hold is not for prune to read.
  const image = new Map(documents.map(([key, content]) => [key, content.byteLength > LARGE ? EMPTY : content]));
  await using copy = await inMemory.open(image);
  const { status, codes } = await act("prune", { ...scenario, storage: copy.storage, source });
  const after = await copy.image();
  const kept = new Set(endedUnits(after));
  const lost = isTakenUp(scenario) ? endedUnits(killed).filter((id) => !kept.has(id)) : [];
  const change = { policy: scenario.policy, now: timeOf(scenario.day), mayPrune: true, doubtful: false };
  note(tally, `${where}, prune alone`, [
    ...(status === "ok" ? [] : [violation("next-run-succeeds", `${status}: ${codes.join(", ")}`)]),
    ...removalViolations({ ...change, before: killed, after }),
    ...lost.map((id) => violation("not-again", `${id} was swept with a run that can be taken up`)),
  ]);
  tally.runs += 1;
}

/** Whether a run that was killed there is taken up by the next one, which begins at the same time. */
const isTakenUp = ({ action }: Scenario): boolean => action === "run";

function leftoverRuns(image: Image): Violation[] {
  const unfinished = readStore(image).snapshots.filter(({ hasManifest }) => !hasManifest);
  return unfinished.map(({ prefix }) => violation("no-leftovers", `${prefix} has no manifest and is two days old`));
}

const taskOf = ({ action, day, policy, many = 0, encrypted = false }: Scenario) => ({
  action,
  day,
  policy,
  many,
  encrypted,
});

/** @throws Error for a store in memory */
export function reachOf({ reach }: Store): Reach {
  if (reach === undefined) throw new Error("no other process can reach this store");
  return reach;
}
