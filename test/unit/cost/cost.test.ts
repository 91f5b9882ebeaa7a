import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { functionTable } from "../../../infra/functions.ts";
import { costOf, stackMonth } from "../../../lib/cost/cost.ts";
import { exampleTable, nightOf } from "../../../lib/cost/examples.ts";
import { prices, pricesSchema, unconfirmedPrices } from "../../../lib/cost/prices.ts";
import { MEMORY, REQUESTS, runUsage, TRANSITIONS } from "../../../lib/cost/run-usage.ts";
import { endRun } from "../../../lib/end-run.ts";
import { beginRun, collectStep, finishStep, pruneStep } from "../../../lib/function-steps.ts";
import { verifyStep } from "../../../lib/function-verify.ts";
import { readPlan } from "../../../lib/plan-line.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { FUNCTION_LIMITS } from "../../../lib/verify-part-limits.ts";
import { aBackup } from "../../support/a-backup.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

const ONE_RUN = { runs: 1, snapshots: 1, oldVersionsDays: 0 };

/** Calls of a storage in one run's steps: each is at least one request on a bucket. */
async function requestsOf(
  units: number,
  artifacts: number,
): Promise<Record<"first" | "second", { writes: number; reads: number }>> {
  const storage = faultyStorage(memoryStorage());
  const items = Object.fromEntries(Array.from({ length: artifacts }, (_, n) => [`${n}.json`, `${n}`]));
  const a = aBackup({
    storage,
    units: () => Array.from({ length: units }, (_, n) => ({ id: `u${n}`, fingerprint: "f", items })),
  });
  async function run() {
    const before = storage.calls.length;
    const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
    for (const line of await Array.fromAsync(readPlan(a.storage, pointer)))
      await collectStep(a.backup, pointer, line, a.backup.config);
    const outcome = await finishStep(a.backup, pointer);
    await verifyStep(a.backup, pointer);
    await pruneStep(a.backup, pointer);
    await endRun(a.backup, { outcome, pointer, removed: 0 });
    a.later(86_400);
    const calls = storage.calls.slice(before).map((call) => call.split(" ")[0] ?? "");
    const writes = calls.filter((call) => ["put", "copy", "list", "folders"].includes(call)).length;
    return { writes, reads: calls.length - writes };
  }
  return { first: await run(), second: await run() };
}

test("requests are those that the steps make", async () => {
  const [few, many, wide] = [await requestsOf(5, 1), await requestsOf(15, 1), await requestsOf(5, 3)];
  for (const kind of ["writes", "reads"] as const) {
    const perUnit = {
      collected: (many.first[kind] - few.first[kind]) / 10,
      unchanged: (many.second[kind] - few.second[kind]) / 10,
    };
    const perArtifact = (wide.first[kind] - few.first[kind]) / 10;
    const inAll = few.first[kind] - 5 * perUnit.collected;
    const said = REQUESTS;
    const close = (is: number, should: number, what: string) =>
      assert.ok(
        Math.abs(is - should) <= Math.max(1, should * 0.25),
        `${kind} ${what}: ${is}, and the model says ${should}`,
      );
    close(perUnit.collected, said.collected[kind] + said.artifact[kind], "of a unit that is collected");
    close(perUnit.unchanged, said.unchanged[kind] + said.artifact[kind], "of a unit that is unchanged");
    close(perArtifact, said.artifact[kind], "of an artifact");
    close(inAll, said.run[kind], "of a run");
  }
});

test("functions have the memory that is reckoned with", () => {
  for (const [name, memory] of Object.entries(MEMORY))
    assert.equal(functionTable.find((one) => one.name === name)?.memory, memory, name);
});

test("a price that is given stands for the one of the table, and the parts make the whole", () => {
  const shape = nightOf(1_000);
  const month = { runs: 30, snapshots: 14, oldVersionsDays: 0 };
  const { month: bill, run } = costOf(shape, month, prices);
  const { total, ...parts } = bill;
  assert.ok(Math.abs(Object.values(parts).reduce((sum, one) => sum + one, 0) - total) < 1e-9);
  assert.ok(Math.abs(run.stepFunctions - runUsage(shape).transitions * 0.000025) < 1e-12);
  const dear = costOf(shape, month, pricesSchema.parse({ s3_gb_month: 0.046 }));
  assert.ok(Math.abs(dear.month.s3Storage - 2 * bill.s3Storage) < 1e-9);
  assert.equal(dear.month.lambda, bill.lambda);
});

test("a stack costs its dashboard, its alarms and its watch, whatever its jobs", () => {
  const { dashboard, alarms, watch, total } = stackMonth(prices);
  assert.equal(dashboard, 3);
  assert.ok(Math.abs(alarms - (2 * 0.1 + 3 * 0.3)) < 1e-9);
  assert.ok(watch > 0.005 && watch < 0.05, `${watch}`);
  assert.ok(Math.abs(total - (dashboard + alarms + watch)) < 1e-9);
  assert.equal(stackMonth({ ...prices, dashboard_month: 0 }).total, alarms + watch);
});

test("every price says of what it is, where it was read and of when that page is, or that it was read nowhere", async () => {
  for (const [name, { description = "" }] of Object.entries(pricesSchema.shape)) {
    if (name === "asOf" || name === "region" || unconfirmedPrices.includes(name)) continue;
    assert.match(description, /https:\/\/\S+, 20\d\d(-\d\d)?$/, name);
  }
  const page = await readFile(new URL("../../../docs/aws.md", import.meta.url), "utf8");
  for (const name of unconfirmedPrices)
    assert.ok(page.includes(`\`${name}\``), `${name} is not said to be unconfirmed`);
});

test("a unit on Fargate is paid by the hour and not as a function", () => {
  const shape = { ...nightOf(10), collected: 10, unchanged: 0 };
  const [lambda, fargate] = [costOf(shape, ONE_RUN, prices), costOf({ ...shape, onFargate: 10 }, ONE_RUN, prices)];
  assert.equal(lambda.run.fargate, 0);
  assert.ok(fargate.run.fargate > 0 && fargate.run.lambda < lambda.run.lambda);
});

test("verifying in parts is reckoned with where a run is too large for one call", () => {
  const [small, large] = [runUsage(nightOf(1_000)), runUsage(nightOf(10_000))];
  assert.equal(small.transitions, TRANSITIONS.run + 1_000 * TRANSITIONS.unit);
  // 38 GB are read back: what has changed, and a tenth of the rest.
  const parts = Math.ceil(38e9 / FUNCTION_LIMITS.bytes);
  assert.equal(
    large.transitions,
    TRANSITIONS.run + 10_000 * TRANSITIONS.unit + TRANSITIONS.inParts + parts * TRANSITIONS.part,
  );
  assert.equal(large.lambdaRequests, 5 + 10_000 + parts + 1);
});

test("parts of verifying that tasks do are paid by the hour, and are no calls of functions", () => {
  const shape = nightOf(10_000);
  const [functions, tasks] = [
    runUsage(shape),
    runUsage({ ...shape, verifyOnFargate: { parts: 2, seconds: 3600 - 2 * 40 } }),
  ];
  assert.equal(tasks.fargateVcpuHours - functions.fargateVcpuHours, 1);
  assert.equal(functions.lambdaRequests - tasks.lambdaRequests, 2);
  assert.equal(tasks.transitions, functions.transitions);
});

/** The way of a run that goes well, and of one of its units and parts. */
test("states are as many as the definition has on that way", async () => {
  const text = await readFile(new URL("../../../statemachines/backup.asl.json", import.meta.url), "utf8");
  const { StartAt, States } = JSON.parse(text);
  const way = (states: Record<string, { Next?: string; Default?: string }>, start: string): readonly string[] => {
    const next = states[start]?.Next ?? states[start]?.Default;
    return next === undefined ? [start] : [start, ...way(states, next)];
  };
  const good = { ...States, "Ended?": { Next: "Succeeded" } };
  const whole = way(good, StartAt);
  assert.equal(whole.length, TRANSITIONS.run, whole.join(" "));
  const { Collect, Parts } = States;
  assert.equal(way(Collect.ItemProcessor.States, Collect.ItemProcessor.StartAt).length, TRANSITIONS.unit);
  assert.equal(way(Parts.ItemProcessor.States, Parts.ItemProcessor.StartAt).length, TRANSITIONS.part);
  assert.deepEqual(way(good, "Parts").slice(0, TRANSITIONS.inParts), ["Parts", "Conclude", "Verified?"]);
});

test("the table of docs/aws.md is what the code says", async () => {
  const page = await readFile(new URL("../../../docs/aws.md", import.meta.url), "utf8");
  assert.ok(page.includes(exampleTable(prices)), exampleTable(prices));
});
