import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { begunExecution } from "../../../lib/deployment/begun-execution.ts";

const entered = (name: string) => ({ stateEnteredEventDetails: { name } });
const left = (name: string, output: unknown) => ({ stateExitedEventDetails: { name, output: JSON.stringify(output) } });
const planned = (snapshot: string) =>
  left("Plan", { pointer: { job: "docs", snapshot, run: `run of ${snapshot}`, resumed: 0, lease: "t" }, units: 2 });
const putOff = left("Plan", { status: "deferred", resumeAt: "2026-11-26T04:00:00Z" });

async function begunAfter(...events: readonly object[]) {
  const history = events.map((event, id) => ({ id, type: undefined, timestamp: undefined, ...event }) as HistoryEvent);
  async function* newestFirst() {
    yield* history.toReversed();
  }
  return (await begunExecution(newestFirst()))?.snapshot;
}

test("of an execution the last plan counts, and none while one is being made", async () => {
  const first = [entered("Job"), entered("Plan")];
  assert.equal(await begunAfter(...first), undefined);
  assert.equal(await begunAfter(...first, planned("one"), entered("Collect")), "one");
});

test("a plan that was put off, however often, is not taken for the one that was made after it", async () => {
  const again = Array.from({ length: 100 }, () => [entered("Plan"), putOff, entered("PutOff")]).flat();
  assert.equal(await begunAfter(...again), undefined);
  assert.equal(await begunAfter(...again, entered("Plan"), planned("one"), entered("Collect")), "one");
});

test("a redriven execution that begins again has what it then planned", async () => {
  const before = [entered("Plan"), planned("one"), entered("Collect"), entered("Verdict")];
  assert.equal(await begunAfter(...before, entered("Plan")), undefined);
  assert.equal(await begunAfter(...before, entered("Plan"), planned("two"), entered("Collect")), "two");
});
