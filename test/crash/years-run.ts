import { bytesOf } from "../../lib/bytes.ts";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { SourceError, StorageError, TransientError } from "../../lib/errors.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { type Fault, faultyStorage, type StorageMethod } from "../support/faulty-storage.ts";
import { retentionModel } from "../support/retention-model.ts";
import { type Violation, violation } from "./invariants.ts";
import { type Known, knownSnapshots } from "./known-snapshots.ts";
import { type Random, randomOf } from "./random.ts";
import type { Source } from "./source.ts";
import { newTally, note, type Tally } from "./tally.ts";
import { act, type Outcome } from "./world.ts";

const ZONE = "Europe/Berlin";
const DAY_S = 86_400;
/** What an operator might have at one time or another. After a change to a stricter one prune refuses for a while. */
const POLICIES: readonly RetentionPolicy[] = [
  { keep_last: 3, keep_daily: 4, keep_weekly: 2, keep_monthly: 3, keep_yearly: 2, min_keep: 1, max_removals: 10 },
  { keep_days: 10, min_keep: 2, max_removals: 10 },
  { keep_last: 6, min_keep: 1, max_removals: 3 },
  { keep_daily: 3, keep_monthly: 5, min_keep: 4, max_removals: 40 },
  { keep_last: 2, min_keep: 1, max_removals: 40 },
];
const METHODS: readonly StorageMethod[] = [
  "prepare",
  "put",
  "get",
  "read",
  "head",
  "list",
  "folders",
  "copy",
  "remove",
];
/** So long an operator looks on while prune refuses. */
const PATIENCE_DAYS = 7;
/** More than any of the policies keeps, a refused stretch and runs dated ahead included. */
const MOST_FOLDERS = 60;

/** What came up in them: a life without removals and refusals would show nothing. */
export interface Life extends Tally {
  readonly removed: number;
  readonly refusals: number;
}

export interface Years {
  readonly days: number;
  readonly seed: number;
}

/** Daily runs for years, through everything that goes wrong in them, against another reading of docs/retention.md. */
export async function liveThrough({ days, seed }: Years): Promise<Life> {
  const tally = newTally();
  const random = randomOf(seed);
  const store = memoryStorage();
  const known = knownSnapshots(store);
  let policy = POLICIES[0] as RetentionPolicy;
  let removed = 0;
  let refused = 0;
  let refusals = 0;
  for (let day = 0; day < days; day += 1) {
    if (random.chance(1 / 90)) policy = random.pick(POLICIES);
    // As the message of the refusal says: for one run.
    const today = refused > 0 && refused % PATIENCE_DAYS === 0 ? { ...policy, max_removals: 1_000 } : policy;
    const weather = weatherOf(random, day);
    const where = `years seed ${seed}, day ${day}, ${weather.what}`;
    const before = await known.all();
    const world = {
      source: sourceOfDay(weather),
      day,
      policy: today,
      timezone: ZONE,
      secondsNow: () => weather.seconds,
    };
    const guarded = guardNewest(store, known, (detail) => note(tally, where, [violation("good-stays", detail)]));
    const outcome = await act("run", { ...world, storage: faultyStorage(guarded, weather.faults) });
    const after = await known.all();
    removed += before.filter(({ snapshot }) => !after.some((one) => one.snapshot === snapshot)).length;
    note(tally, where, dayViolations(before, after, outcome, today));
    if (weather.what === "fair" && outcome.status === "failed" && !outcome.codes.includes("REFUSED"))
      note(tally, where, [violation("next-run-succeeds", `failed: ${outcome.codes.join(", ")}`)]);
    if (outcome.codes.includes("REFUSED")) refusals += 1;
    refused = outcome.codes.includes("REFUSED") ? refused + 1 : 0;
    const folders = await known.folders();
    if (folders > MOST_FOLDERS) note(tally, where, [violation("no-leftovers", `the store has ${folders} snapshots`)]);
    tally.runs += 1;
    tally.faults += Math.min(1, weather.faults.length);
  }
  return { ...tally, removed, refusals };
}

interface Weather {
  readonly what: "fair" | "fault" | "outage" | "source" | "clock";
  readonly faults: readonly Fault[];
  readonly sourceFails: boolean;
  readonly seconds: number;
  readonly day: number;
}

/** Mostly fair. Once in a while a call fails, the storage is away, the source is away for weeks, or the clock is wrong. */
function weatherOf(random: Random, day: number): Weather {
  const fair: Weather = { what: "fair", faults: [], sourceFails: false, seconds: random.below(3_600), day };
  if (day % 700 > 680) return { ...fair, what: "source", sourceFails: true };
  if (random.chance(0.03)) return { ...fair, what: "source", sourceFails: true };
  if (random.chance(0.02)) {
    const jump = random.pick([-400, -30, -1, -1 / 24, 1 / 24, 1, 3, 40]);
    return { ...fair, what: "clock", seconds: Math.round(jump * DAY_S) };
  }
  const on = random.pick(METHODS);
  const call = 1 + random.below(on === "prepare" ? 1 : 20);
  if (random.chance(0.08)) {
    const error = random.pick([
      new TransientError("STORAGE_FAILED", "the connection was reset"),
      new StorageError("STORAGE_FULL", "no space left"),
    ]);
    return {
      ...fair,
      what: "fault",
      faults: [{ on, call, do: "fail", error, when: random.pick(["before", "after"]) }],
    };
  }
  if (!random.chance(0.04)) return fair;
  // From a moment on nothing answers: to the store it is as if the process had been killed there.
  const error = new StorageError("STORAGE_FAILED", "no route to the storage");
  const dead = METHODS.filter((one) => one !== on).map(
    (one): Fault => ({ on: one, from: call, do: "fail", error, when: "before" }),
  );
  return { ...fair, what: "outage", faults: [...dead, { on, from: call, do: "fail", error, when: "before" }] };
}

function sourceOfDay({ day, sourceFails }: Weather): Source {
  const fails = () => (sourceFails ? new SourceError("SOURCE_FAILED", "the source is away") : undefined);
  const item = (text: string) => () => bytesOf(text);
  return {
    names: new Map(),
    units: () => [
      { id: "still", compress: false, fingerprint: `${Math.floor(day / 50)}`, items: { "a.json": item(`a ${day}`) } },
      { id: "busy", compress: false, items: sourceFails ? {} : { "b.json": item(`b ${day}`) }, fails },
    ],
  };
}

/** Looks after every single removal. */
function guardNewest(inner: Storage, known: Known, broken: (detail: string) => void): Storage {
  return {
    ...inner,
    async remove(keys) {
      for (const key of keys) {
        const newest = (await known.all()).filter(({ good }) => good).at(-1)?.snapshot;
        await inner.remove([key]);
        const left = (await known.all()).filter(({ good }) => good).at(-1)?.snapshot;
        if (newest !== left) broken(`${key} was removed: the newest good snapshot was ${newest} and is ${left}`);
      }
    },
  };
}

type Seen = Awaited<ReturnType<Known["all"]>>[number];

/** What went against what the model keeps. Where prune ended early, what it left is not held against it. */
function dayViolations(
  before: readonly Seen[],
  after: readonly Seen[],
  { job, endedAt: now }: Outcome,
  policy: RetentionPolicy,
): Violation[] {
  const all = [...before, ...after.filter(({ snapshot }) => !before.some((one) => one.snapshot === snapshot))];
  const gone = all.filter(({ snapshot }) => !after.some((one) => one.snapshot === snapshot)).map((one) => one.snapshot);
  const states = all.map(({ snapshot, status, good }) => ({ snapshot, status, verified: good }));
  const kept = retentionModel({ states, policy, now, zone: ZONE });
  const found: Violation[] = [];
  const wrong = gone.filter((snapshot) => kept.has(snapshot));
  if (wrong.length > 0) found.push(violation("good-stays", `${wrong.join(", ")} gone, and the policy keeps it`));
  if (gone.length > policy.max_removals) found.push(violation("good-stays", `${gone.length} removed at once`));
  if (job?.prune === undefined || job.error !== undefined) return found;
  const stays = after.filter(({ snapshot }) => !kept.has(snapshot)).map(({ snapshot }) => snapshot);
  if (stays.length > 0) found.push(violation("no-leftovers", `${stays.join(", ")} stays, and no rule keeps it`));
  return found;
}
