import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { SourceError } from "../../lib/errors.ts";
import type { Image } from "./image.ts";
import type { Source } from "./source.ts";
import { inMemory } from "./stores.ts";
import { type Action, act, POLICY } from "./world.ts";

/** A store as it is before something happens, and what then happens. */
export interface Scenario {
  readonly name: string;
  readonly image: Image;
  readonly action: Action;
  readonly day: number;
  readonly policy: RetentionPolicy;
  /** Units at once; 1 without it. */
  readonly concurrency?: number;
  /** For age. */
  readonly encrypted?: boolean;
  /** Artifacts of one further unit; none without it. */
  readonly many?: number;
  /** What an operator changes the policy to where the scenario ends in a refusal. */
  readonly nextPolicy?: RetentionPolicy;
}

const EMPTY: Image = new Map();
const KEEP_ALL: RetentionPolicy = { min_keep: 1, max_removals: 3 };
/** What a failed run had kept goes all at once. */
const HELD_UP: RetentionPolicy = { ...POLICY, max_removals: 5 };

/** Those that every harness goes through. */
export async function scenarios(source: Source): Promise<readonly Scenario[]> {
  const week = await storeAfter(source, [0, 1, 2, 3], KEEP_ALL);
  const two = await storeAfter(source, [0, 1, 2], POLICY);
  const sealed = await storeAfter(source, [0, 1, 2], POLICY, true);
  const unfinished = await withUnfinished(source, two);
  const failed = await withFailed(source, week);
  const newest = [...week.keys()]
    .filter((key) => key.endsWith("/verified.json"))
    .sort()
    .at(-1);
  const unverified = new Map([...week].filter(([key]) => key !== newest));
  return [
    { name: "first run", image: EMPTY, action: "run", day: 0, policy: POLICY },
    { name: "daily run", image: two, action: "run", day: 3, policy: POLICY },
    { name: "run after an unfinished one", image: unfinished, action: "run", day: 5, policy: POLICY },
    { name: "daily run for age", image: sealed, action: "run", day: 3, policy: POLICY, encrypted: true },
    { name: "prune of two", image: week, action: "prune", day: 3, policy: POLICY },
    {
      name: "prune of too many",
      image: week,
      action: "prune",
      day: 3,
      policy: { keep_last: 1, min_keep: 1, max_removals: 1 },
      nextPolicy: { ...POLICY, max_removals: 10 },
    },
    { name: "prune after a failed run", image: failed, action: "prune", day: 4, policy: HELD_UP },
    { name: "prune after an unverified run", image: unverified, action: "prune", day: 3, policy: HELD_UP },
    { name: "verify", image: two, action: "verify", day: 2, policy: POLICY },
  ];
}

async function storeAfter(
  source: Source,
  days: readonly number[],
  policy: RetentionPolicy,
  encrypted = false,
): Promise<Image> {
  await using store = await inMemory.open(EMPTY);
  for (const day of days) {
    const { status, codes } = await act("run", { storage: store.storage, source, day, policy, encrypted });
    if (status !== "ok") throw new Error(`the store for a scenario cannot be made: ${codes.join(", ")}`);
  }
  return await store.image();
}

/** Of a run two days later only the plan, the first unit and an artifact in the making came to be. */
async function withUnfinished(source: Source, image: Image): Promise<Image> {
  await using store = await inMemory.open(image);
  await act("run", { storage: store.storage, source, day: 3, policy: KEEP_ALL });
  const begun = [...(await store.image())].filter(([key]) => /\.run\/(plan\.jsonl|units\/0\.json)$|\/org\//.test(key));
  // What it wrote after its first unit, as prune's documents, is not there yet.
  return new Map([...begun, ...image]);
}

/** The run of the day after had a source of which nothing could be read. */
async function withFailed(source: Source, image: Image): Promise<Image> {
  await using store = await inMemory.open(image);
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "nobody may read this");
  const none: Source = { ...source, units: (day) => source.units(day).map((unit) => ({ ...unit, items: {}, fails })) };
  const { job } = await act("run", { storage: store.storage, source: none, day: 4, policy: KEEP_ALL });
  if (job?.manifest?.status !== "failed") throw new Error("a run whose source fails is not a failed one");
  return await store.image();
}
