import { leaseKey } from "../../lib/keys.ts";
import { eachLimited } from "../../lib/pool.ts";
import { type Child, runChild, startChild } from "./child-process.ts";
import { readStore, TEMPORARY } from "./documents.ts";
import type { Image } from "./image.ts";
import { storeViolations, temporaryViolations, type Violation, violation } from "./invariants.ts";
import type { ChildTask } from "./kill-child.ts";
import { reachOf } from "./kill-run.ts";
import type { Scenario } from "./scenarios.ts";
import { type Source, sourceOf } from "./source.ts";
import type { StoreKind } from "./stores.ts";
import { newTally, note, refuseMissed, type Tally } from "./tally.ts";
import { act, JOB, type Outcome } from "./world.ts";

/** Far longer than a lease lasts, and short enough for the run to be taken up. */
const STOPPED_S = 7_200;
const AT_ONCE = 2;
/**
 * Records of who had the run first: nobody but itself goes by them once the run was taken up. And verified.json, which is
 * written without a lease.
 */
const UNFENCED = /\/\.run\/units\/\d+\.json$|\/verified\.json$/;

const taskOf = ({ action, day, policy, encrypted = false }: Scenario) => ({
  action,
  day,
  policy,
  encrypted,
  breaks: true,
  stoppedSeconds: STOPPED_S,
});

/** Every boundary of a run whose unit `db` has a second attempt. */
export async function suspendable(kind: StoreKind, scenario: Scenario, bigBytes: number): Promise<readonly string[]> {
  await using store = await kind.open(scenario.image);
  const answer = await runChild({ ...taskOf(scenario), reach: reachOf(store), bigBytes, at: 0, do: "SIGSTOP" });
  if (answer?.outcome.status !== "ok") throw new Error(`${scenario.name} fails: ${JSON.stringify(answer)}`);
  return answer.boundaries;
}

/** What takes a job over from a process that was stopped. */
export type Taker = "run" | "prune";

/**
 * Stops a process at each of these boundaries for two hours. Meanwhile another one takes the job over: a run, of a source that
 * has changed, or a prune; then the first process goes on.
 */
export async function suspendAtEach(
  kind: StoreKind,
  scenario: Scenario,
  bigBytes: number,
  points: readonly number[],
  taker: Taker = "run",
): Promise<Tally> {
  const tally = newTally();
  const source = changedSince(sourceOf({ bigBytes }));
  const boundaries = await suspendable(kind, scenario, bigBytes);
  await eachLimited(points, AT_ONCE, async (at) => {
    const where = `suspend ${kind.name}, ${scenario.name}, ${taker} takes over, ${at}: before ${boundaries[at - 1]}`;
    await using store = await kind.open(scenario.image);
    const task: ChildTask = { ...taskOf(scenario), reach: reachOf(store), bigBytes, at, do: "SIGSTOP" };
    const child = await startChild(task);
    if (!(await hasStopped(child, at, where))) {
      tally.missed += 1;
      return;
    }
    const stopped = await store.image();
    const { storage } = store;
    const next = await act(taker, { ...scenario, storage, source, secondsNow: () => STOPPED_S });
    const taken = await store.image();
    child.goOn();
    const answer = await child.ended;
    const after = await store.image();
    tally.points += 1;
    tally.runs += 2;
    note(tally, where, [
      ...(next.status === "ok" ? [] : [violation("next-run-succeeds", `${next.status}: ${next.codes.join(", ")}`)]),
      ...(holdsLease(stopped)
        ? fencedViolations(answer?.outcome, { stopped, taken, after })
        : latecomer(answer?.outcome)),
      ...storeViolations(after, source),
      ...temporaryViolations(after),
    ]);
  });
  refuseMissed(tally, `suspend ${kind.name}, ${scenario.name}`);
  return tally;
}

const changedSince = (source: Source): Source => ({ ...source, units: (day) => source.units(day + 1) });

/** False when it ended before it came to that boundary: see `refuseMissed`. */
async function hasStopped(child: Child, at: number, where: string): Promise<boolean> {
  try {
    await child.stopped();
    return true;
  } catch (error) {
    const answer = await child.ended;
    if (answer !== undefined && answer.boundaries.length < at) return false;
    throw new Error(`${where}: ${String(error)}`);
  }
}

/** What is stopped before it has the lease has lost none: the other run has given it back, and it takes it as anyone may. */
function holdsLease(stopped: Image): boolean {
  const lease = stopped.get(leaseKey(JOB));
  return lease !== undefined && JSON.parse(Buffer.from(lease).toString()).released === false;
}

const latecomer = (outcome: Outcome | undefined): Violation[] =>
  outcome?.status === "ok"
    ? []
    : [violation("next-run-succeeds", `after the other: ${outcome?.status}: ${outcome?.codes.join(", ")}`)];

function fencedViolations(
  outcome: Outcome | undefined,
  { stopped, taken, after }: { readonly stopped: Image; readonly taken: Image; readonly after: Image },
): Violation[] {
  return [...(outcome === undefined ? [] : endViolations(stopped, outcome)), ...changedSinceTaken(taken, after)];
}

/** It may say `ok` only of a snapshot that existed before it was stopped. */
function endViolations(stopped: Image, { status, codes, job }: Outcome): Violation[] {
  const committed = readStore(stopped).snapshots.some((seen) => seen.snapshot === job?.snapshot && seen.hasManifest);
  if (status !== "ok" && codes.includes("LEASE_LOST")) return [];
  return committed ? [] : [violation("fenced", `the process that had lost its lease ended with ${status}: ${codes}`)];
}

function changedSinceTaken(taken: Image, after: Image): Violation[] {
  const keys = new Set([...taken.keys(), ...after.keys()]);
  const isOther = (key: string) => {
    const [before, now] = [taken.get(key), after.get(key)];
    return before === undefined || now === undefined || Buffer.compare(before, now) !== 0;
  };
  // Its own lock, which it takes away when it goes on: what it was for is replaced by then, and so it means nothing.
  const isGivenBack = (key: string) => TEMPORARY.test(key) && !after.has(key);
  return [...keys]
    .filter((key) => !UNFENCED.test(key) && !isGivenBack(key) && isOther(key))
    .map((key) => violation("fenced", `${key} was changed by a process that had lost its lease`));
}
