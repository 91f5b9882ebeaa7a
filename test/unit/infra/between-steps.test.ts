import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TASK_START_SECONDS } from "../../../infra/state-machines.ts";
import { BETWEEN_STEPS_MS } from "../../../lib/lease/lease.ts";
import { LONGEST_RUN_MS } from "../../../lib/lease/lease-document.ts";

const MACHINE = join(import.meta.dirname, "../../../statemachines/backup.asl.json");

interface Retry {
  readonly IntervalSeconds: number;
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds: number;
}

/** The longest pauses: the jitter only makes them shorter. */
const pausesOf = ({ IntervalSeconds, MaxAttempts, BackoffRate, MaxDelaySeconds }: Retry): number =>
  Array.from({ length: MaxAttempts }, (_, n) => Math.min(IntervalSeconds * BackoffRate ** n, MaxDelaySeconds)).reduce(
    (sum, pause) => sum + pause,
    0,
  );

test("a run's lease lasts from one step to the next, with all that Step Functions tries again, and a container's start", () => {
  const longest: number[] = [];
  JSON.parse(readFileSync(MACHINE, "utf8"), (_, value) => {
    if (value?.Type !== "Task") return value;
    const pauses: number[] = (value.Retry ?? []).map(pausesOf);
    const isTask = value.Resource.includes("runTask");
    longest.push(Math.max(0, ...pauses) + (isTask ? TASK_START_SECONDS : 0));
    return value;
  });
  assert.ok(longest.length > 10 && Math.max(...longest) > TASK_START_SECONDS);
  assert.ok(Math.max(...longest) * 1000 <= BETWEEN_STEPS_MS, `${Math.max(...longest)} s`);
});

test("a run is ended when the longest lease is over, not before", () => {
  assert.equal(JSON.parse(readFileSync(MACHINE, "utf8")).TimeoutSeconds * 1000, LONGEST_RUN_MS);
});
