import { type Fault, faultyStorage, type StorageMethod } from "../support/faulty-storage.ts";
import { readStore } from "./documents.ts";
import { FAULT_KINDS, type FaultKind } from "./fault-kinds.ts";
import type { Image } from "./image.ts";
import {
  removalViolations,
  secretViolations,
  storeViolations,
  temporaryViolations,
  type Violation,
  violation,
} from "./invariants.ts";
import type { Scenario } from "./scenarios.ts";
import type { Source } from "./source.ts";
import { beneath, type StoreKind } from "./stores.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act, isKnownCode, type Outcome, SECRET } from "./world.ts";

/** One fault: which call it befalls, what it does, and whether the later calls suffer it too. */
export interface Planned {
  readonly kind: FaultKind;
  readonly on: StorageMethod;
  /** Of the calls of that method, from 1. */
  readonly call: number;
  readonly lasts: boolean;
  readonly key: string;
}

/** Of these no second digest is kept anywhere, so the run that wrote them cannot know. */
const UNCHECKED = /(\/manifest|\/verified)[.]json$|SHA256SUMS$/;

/** What is read is not what lies there, and nothing says so. */
const MISREADS: ReadonlySet<string> = new Set([
  "flipped bit",
  "short read without an error",
  "short read at the end of a line",
]);

/** Every fault that can befall a scenario: each call that it makes, in each way that this call can go wrong. */
export async function plannedFaults(store: StoreKind, scenario: Scenario, source: Source): Promise<readonly Planned[]> {
  await using opened = await store.open(scenario.image);
  const { storage, up } = beneath(opened);
  const faulty = faultyStorage(storage);
  await act(scenario.action, { ...scenario, storage: up(faulty), source });
  return faulty.callsByMethod.flatMap(([on, call], index) => {
    const key = faulty.calls[index]?.slice(on.length + 1) ?? "";
    return FAULT_KINDS.flatMap((kind) => {
      if (!kind.methods.includes(on)) return [];
      const planned = { kind, on, call, key };
      return kind.lasts
        ? [
            { ...planned, lasts: false },
            { ...planned, lasts: true },
          ]
        : [{ ...planned, lasts: false }];
    });
  });
}

/** Lets each fault happen, judges what is then told and stored, and has the next day's run set it right. */
export async function injectFaults(
  store: StoreKind,
  scenario: Scenario,
  source: Source,
  faults: readonly Planned[],
  firstByte = 40,
): Promise<Tally> {
  const tally = newTally();
  for (const [n, fault] of faults.entries()) {
    const where = `faults ${store.name}, ${scenario.name}, ${described(fault)}`;
    await injectOne(store, scenario, source, { ...fault, atByte: firstByte + ((n * 37) % 400) }, where, tally);
  }
  return tally;
}

export function described({ kind, on, call, lasts, key }: Planned): string {
  return `${kind.name} ${lasts ? "from" : "at"} ${on} ${call} (${key})`;
}

async function injectOne(
  store: StoreKind,
  scenario: Scenario,
  source: Source,
  fault: Planned & { readonly atByte: number },
  where: string,
  tally: Tally,
): Promise<void> {
  await using opened = await store.open(scenario.image);
  const { on, call, kind, lasts } = fault;
  const plan: Fault = { on, ...(lasts ? { from: call } : { call }), ...kind.make(on, fault.atByte) };
  const { storage: inner, up, nameOf } = beneath(opened);
  const storage = faultyStorage(inner, [plan]);
  const outcome = await act(scenario.action, { ...scenario, storage: up(storage), source });
  const damaged = new Set([...lostBy(fault), ...storage.rotten].map(nameOf));
  // What was read wrong once counts as damaged from then on, whatever lies there.
  const doubtful = damaged.size > 0 || MISREADS.has(kind.name);
  const after = await opened.image();
  const change = { policy: scenario.policy, now: new Date(8.64e15), mayPrune: scenario.action !== "verify" };
  note(tally, where, [
    ...outcomeViolations(scenario, outcome, after, damaged),
    ...storeViolations(after, source, damaged),
    ...removalViolations({ ...change, before: scenario.image, after, doubtful }),
    ...secretViolations(SECRET, after, outcome.said),
    ...temporaryViolations(after),
  ]);

  const policy = scenario.nextPolicy ?? scenario.policy;
  const next = await act("run", { ...scenario, storage: opened.storage, source, day: scenario.day + 1, policy });
  const settled = await opened.image();
  note(tally, `${where}, next run`, [
    ...(next.status === "ok" ? [] : [violation("next-run-succeeds", `${next.status}: ${next.codes.join(", ")}`)]),
    ...storeViolations(settled, source, damaged),
    ...temporaryViolations(settled),
    ...removalViolations({
      ...change,
      policy,
      before: after,
      after: settled,
      mayPrune: true,
      doubtful,
    }),
  ]);
  // One whose call did not come this time, or that changed nothing, is none.
  tally.faults += storage.struck.size;
  tally.runs += 2;
}

/** What was confirmed and is gone, and may be missed. An artifact is not among it: no manifest may name one that is gone. */
function lostBy({ kind, on, key }: Planned): readonly string[] {
  const mayBeMissed = UNCHECKED.test(key) || key.includes("/.run/");
  return on === "put" && kind.name === "lost write" && mayBeMissed ? [key] : [];
}

/** What was told against what lies there. */
function outcomeViolations(
  { action }: Scenario,
  { status, job, codes }: Outcome,
  after: Image,
  damaged: ReadonlySet<string>,
): Violation[] {
  const found: Violation[] = codes
    .filter((code) => !isKnownCode(code))
    .map((code) => violation("typed-error", `the failure has the code ${code}`));
  if (status !== "ok" && codes.length === 0) found.push(violation("typed-error", `${status} and no reason given`));
  if (action !== "run" || job?.snapshot === undefined) return found;
  const seen = readStore(after).snapshots.find(({ snapshot }) => snapshot === job.snapshot);
  const isDamaged = [...damaged].some((key) => UNCHECKED.test(key));
  const isRotten = [...damaged].some((key) => seen?.artifacts.has(key.slice(seen.prefix.length)));
  if (status === "ok" && !isDamaged && (seen?.good !== true || isRotten)) {
    found.push(violation("ok-is-true", `the run is reported as ok, and ${job.snapshot} is none`));
  }
  if (job.manifest !== undefined && seen?.manifest?.status !== job.manifest.status && !isDamaged) {
    found.push(
      violation("partial-honest", `${job.manifest.status} is reported, the manifest says ${seen?.manifest?.status}`),
    );
  }
  return found;
}
