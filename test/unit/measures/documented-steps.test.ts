import assert from "node:assert/strict";
import { test } from "node:test";
import { endRun } from "../../../lib/end-run.ts";
import { beginRun, collectStep, finishStep } from "../../../lib/function-steps.ts";
import { verifyStep } from "../../../lib/function-verify.ts";
import { verifiedKey } from "../../../lib/keys.ts";
import { readPlan } from "../../../lib/plan-line.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { collectedMetrics } from "../../support/collected-metrics.ts";

const SECOND = 1_000;

/** A run as functions make it, a process for each step, ten seconds between two of them. */
async function ranInSteps(ids: readonly string[], { rots = false } = {}) {
  const collected = collectedMetrics();
  const a = aBackup({
    units: () => ids.map((id) => ({ id, items: { [`${id}.json`]: id } })),
    jobs: [aJob({ compression: { type: "none", level: 0 } })],
    metrics: { labels: {} },
    metricsTargets: [collected.target],
  });
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
  for (const line of await Array.fromAsync(readPlan(a.storage, pointer))) {
    a.later(10);
    await collectStep(a.backup, pointer, line, a.backup.config);
  }
  a.later(10);
  await finishStep(a.backup, pointer);
  a.later(10);
  if (rots) await a.storage.remove([`docs/2026-11-22/030000Z/${ids[0]}/${ids[0]}.json`]);
  await verifyStep(a.backup, pointer);
  assert.ok(await a.storage.head(verifiedKey("docs", pointer.snapshot)));
  a.later(10);
  const status = rots ? "failed" : "ok";
  await endRun(a.backup, { outcome: { job: "docs", status, snapshot: pointer.snapshot }, pointer, removed: 0 });
  const trace = collected.published.at(-1)?.jobs[0]?.trace;
  const begun = Date.parse(trace?.startedAt ?? "");
  return trace?.steps.map(({ name, startedAt, endedAt, errorCode }) => [
    name,
    (Date.parse(startedAt) - begun) / SECOND,
    (Date.parse(endedAt) - begun) / SECOND,
    ...(errorCode === undefined ? [] : [errorCode]),
  ]);
}

test("the steps of a run whose steps were processes are told as its documents tell their times", async () => {
  assert.deepEqual(await ranInSteps(["a", "b"]), [
    ["plan", 0, 10],
    ["collect", 10, 20],
    ["finish", 20, 30],
    ["verify", 40, 40],
  ]);
});

test("a verification that found something has its code, and a run without units has a plan alone", async () => {
  assert.deepEqual((await ranInSteps(["a"], { rots: true }))?.at(-1), ["verify", 30, 30, "INTEGRITY_MISSING"]);
  assert.deepEqual(await ranInSteps([]), [
    ["plan", 0, 10],
    ["verify", 20, 20],
  ]);
});
