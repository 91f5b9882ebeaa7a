import { jobHistory } from "../../lib/job-history.ts";
import { findChosen, isAhead } from "../../lib/snapshots.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { faultyStorage, type StorageMethod } from "../support/faulty-storage.ts";
import { removalViolations, storeViolations, violation } from "./invariants.ts";
import type { Scenario } from "./scenarios.ts";
import type { Source } from "./source.ts";
import type { StoreKind } from "./stores.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act, timeOf } from "./world.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** In seconds: a step of the time service, both changes of summer time, a wrong day, a leap year, a dead clock's battery. */
const JUMPS: readonly number[] = [-1, 1, -HOUR, HOUR, -DAY, DAY, -366 * DAY, 366 * DAY, -50 * 365 * DAY];

export interface Jump {
  readonly on: StorageMethod;
  readonly call: number;
  readonly seconds: number;
}

/** Every moment of a scenario at which its clock can jump: at each call to the storage, by each of the jumps. */
export async function plannedJumps(store: StoreKind, scenario: Scenario, source: Source): Promise<readonly Jump[]> {
  await using opened = await store.open(scenario.image);
  const faulty = faultyStorage(opened.storage);
  await act(scenario.action, { ...scenario, storage: faulty, source });
  return faulty.callsByMethod.flatMap(([on, call]) => JUMPS.map((seconds) => ({ on, call, seconds })));
}

/** The clock jumps while something runs, and stays wrong in the run that follows; then it is put right. */
export async function jumpClocks(
  store: StoreKind,
  scenario: Scenario,
  source: Source,
  jumps: readonly Jump[],
): Promise<Tally> {
  const tally = newTally();
  for (const { on, call, seconds } of jumps) {
    const where = `clock ${store.name}, ${scenario.name}, by ${seconds} s at ${on} ${call}`;
    await using opened = await store.open(scenario.image);
    const clock = { seconds: 0 };
    const until = async () => {
      clock.seconds = seconds;
    };
    const storage = faultyStorage(opened.storage, [{ on, call, do: "wait", until }]);
    // What was not removed under a wrong clock is removed later, all at once.
    const policy = { ...scenario.policy, max_removals: 10 };
    let before = scenario.image;
    for (const [what, day, options] of [
      ["jump", scenario.day, { storage, secondsNow: () => clock.seconds }],
      ["next run", scenario.day + 1, { storage: opened.storage, secondsNow: () => seconds }],
      ["put right", scenario.day + 2, { storage: opened.storage, secondsNow: () => 0 }],
    ] as const) {
      const action = what === "jump" ? scenario.action : "run";
      const { status, codes } = await act(action, { ...scenario, source, policy, day, ...options });
      const after = await opened.image();
      // What is dated after now is not asked for here: by which of the two clocks?
      const change = { policy, now: new Date(8.64e15), doubtful: true };
      note(tally, `${where}, ${what}`, [
        ...(status === "ok" ? [] : [violation("next-run-succeeds", `${status}: ${codes.join(", ")}`)]),
        ...storeViolations(after, source),
        ...removalViolations({ ...change, before, after, mayPrune: action !== "verify" }),
      ]);
      before = after;
      tally.runs += 1;
    }
    note(tally, `${where}, looked at`, await misled(opened.storage, timeOf(scenario.day + 2)));
    tally.jumps += 1;
  }
  return tally;
}

/** Whoever restores, watches or tells must not take for the newest what is dated after now. */
async function misled(storage: Storage, now: Date) {
  const { newestGood } = await surveyJob(storage, "docs", now);
  const { lastGood } = await jobHistory(storage, "docs", { proof: false, now });
  const newest = {
    latest: (await findChosen(storage, "docs", "latest", now)).snapshot,
    watched: newestGood,
    told: typeof lastGood === "string" ? undefined : lastGood.snapshot,
  };
  return Object.entries(newest)
    .filter(([, snapshot]) => snapshot === undefined || isAhead(snapshot, now))
    .map(([who, snapshot]) => violation("good-stays", `${who}: ${snapshot ?? "none"}, at ${now.toISOString()}`));
}
