import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CALL_RETRIERS, type Retrier, TASK_RETRIERS, WHEN_FULL, WHEN_THROTTLED } from "../../../infra/retriers.ts";
import { TASK_START_SECONDS } from "../../../infra/state-machines.ts";
import { BETWEEN_STEPS_MS } from "../../../lib/lease/lease.ts";
import { LONGEST_RUN_MS } from "../../../lib/lease/lease-document.ts";

const MACHINE = join(import.meta.dirname, "../../../statemachines/backup.asl.json");

/** The longest pauses: the jitter only makes them shorter. */
const pausesOf = ({ IntervalSeconds, MaxAttempts, BackoffRate, MaxDelaySeconds }: Retrier): number =>
  Array.from({ length: MaxAttempts }, (_, n) => Math.min(IntervalSeconds * BackoffRate ** n, MaxDelaySeconds)).reduce(
    (sum, pause) => sum + pause,
    0,
  );

test("a run's lease lasts from one step to the next, with all that Step Functions tries again but throttled calls and tasks without room, and a container's start", () => {
  const longest: number[] = [];
  JSON.parse(readFileSync(MACHINE, "utf8"), (_, value) => {
    if (value?.Type !== "Task") return value;
    const isTask = value.Resource.includes("runTask");
    const added = isTask ? TASK_RETRIERS : value.Resource.includes("lambda") ? CALL_RETRIERS : [];
    const bounded = [...(value.Retry ?? []), ...added].filter((one) => one !== WHEN_THROTTLED && one !== WHEN_FULL);
    const pauses: number[] = bounded.map(pausesOf);
    longest.push(Math.max(0, ...pauses) + (isTask ? TASK_START_SECONDS : 0));
    return value;
  });
  assert.ok(longest.length > 10 && Math.max(...longest) > TASK_START_SECONDS);
  assert.ok(Math.max(...longest) * 1000 <= BETWEEN_STEPS_MS, `${Math.max(...longest)} s`);
});

test("a run is ended when the longest lease is over, not before", () => {
  assert.equal(JSON.parse(readFileSync(MACHINE, "utf8")).TimeoutSeconds * 1000, LONGEST_RUN_MS);
});

test("a function in a network that was idle is waited for until it has its interfaces again, or its subnet an address", () => {
  const error = "Lambda.ResourceNotReadyException";
  const [retrier, ...others] = CALL_RETRIERS.filter(({ ErrorEquals }) => ErrorEquals.includes(error));
  assert.ok(retrier !== undefined && others.length === 0);
  assert.ok(pausesOf(retrier) > 15 * 60 && retrier.JitterStrategy === "NONE", `${pausesOf(retrier)} s`);
});

test("a call that is throttled, and a task for which there is no room, are tried again for hours, within the events that an execution may have", () => {
  for (const retrier of [WHEN_THROTTLED, WHEN_FULL]) {
    const hours = pausesOf(retrier) / 3600;
    // With full jitter half of it on average.
    assert.ok(hours / 2 > 8, `${hours} h`);
    assert.ok(retrier.MaxAttempts * 3 < 25_000 / 5);
  }
});
