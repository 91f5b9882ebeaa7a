import assert from "node:assert/strict";
import { test } from "node:test";
import { endRun } from "../../lib/end-run.ts";
import { beginRun, collectStep, finishStep, type StepPointer, verifyStep } from "../../lib/function-steps.ts";
import { planKey } from "../../lib/keys.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { aBackup } from "../support/a-backup.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

/** What may travel from one state to the next (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html). */
const STATE_LIMIT = 256 * 1024;

const ARTIFACTS = 700;

/** The states of the machine one after the other, as it would call them. */
async function execution(a: ReturnType<typeof aBackup>) {
  const { pointer, units } = await beginRun(a.backup, { job: "docs", only: undefined });
  const collected = [];
  for await (const line of readPlan(a.storage, pointer)) {
    const input = JSON.parse(JSON.stringify({ pointer, unit: line }));
    assert.ok(JSON.stringify(input).length < STATE_LIMIT);
    collected.push(await collectStep(a.backup, input.pointer, input.unit, a.backup.config));
  }
  const finished = await finishStep(a.backup, pointer);
  const verified = await verifyStep(a.backup, pointer);
  await endRun(a.backup, { outcome: finished, pointer, removed: 0 });
  a.later(60);
  return { pointer, units, collected, finished, verified };
}

test("a unit of any number of artifacts travels in a few hundred bytes, and is reused as a whole", async () => {
  // Written out, these would take more than fits.
  const items = Object.fromEntries(Array.from({ length: ARTIFACTS }, (_, n) => [`part-${n}.json`, `${n}`]));
  const unit: ScriptedUnit = { id: "many", fingerprint: "same", items, compress: false };
  const a = aBackup({ units: () => [unit] });
  const first = await execution(a);
  assert.deepEqual([first.collected, first.finished.totals.artifacts], [[{ status: "ok" }], ARTIFACTS]);
  const opened = a.source.opened.length;
  const second = await execution(a);
  assert.deepEqual([second.collected, second.finished.totals.artifacts], [[{ status: "unchanged" }], ARTIFACTS]);
  assert.equal(a.source.opened.length, opened, "nothing was read from the source");
  assert.equal(second.verified.verified, true);
  assert.ok((await planBytes(a, second.pointer)) < 1_000);
});

async function planBytes({ storage }: ReturnType<typeof aBackup>, { job, snapshot }: StepPointer): Promise<number> {
  return (await storage.head(planKey(job, snapshot)))?.bytes ?? Number.POSITIVE_INFINITY;
}
