import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../../../lib/deployment/deployment.ts";
import type { Execution } from "../../../lib/deployment/execution.ts";
import { follow } from "../../../lib/deployment/follow.ts";
import { TransientError } from "../../../lib/errors.ts";
import { beginRun, collectStep, finishStep, type StepPointer } from "../../../lib/function-steps.ts";
import { findJob } from "../../../lib/jobs.ts";
import { type PlanLine, readPlan } from "../../../lib/plan-line.ts";
import { aBackup } from "../../support/a-backup.ts";

const RUNNING: Execution = { arn: "arn", name: "e1", status: "running", startedAt: "2026-11-22T03:00:00.000Z" };

test("a run elsewhere is told as one at a desk: planned, each unit begun and ended once, though AWS is silent for a while", async () => {
  const a = aBackup({ units: () => ["a", "b"].map((id) => ({ id, items: { "x.json": id } })), waits: "elsewhere" });
  let pointer: StepPointer | undefined;
  let lines: readonly PlanLine[] = [];
  let ended: Execution | undefined;
  /** What the functions do between two looks. */
  const steps = [
    async () => {
      ({ pointer } = await beginRun(a.backup, { job: "docs", only: undefined }));
      lines = await Array.fromAsync(readPlan(a.storage, pointer));
    },
    async () => pointer && lines[0] && (await collectStep(a.backup, pointer, lines[0], a.backup.config)),
    async () => pointer && lines[1] && (await collectStep(a.backup, pointer, lines[1], a.backup.config)),
    async () => {
      if (pointer !== undefined) ended = { ...RUNNING, status: (await finishStep(a.backup, pointer)).status };
    },
  ];
  const own: string[] = [];
  const silent = new TransientError("DEPLOYMENT_UNAVAILABLE", "not now");
  let asked = 0;
  const deployment: Pick<Deployment, "describe" | "begun"> = {
    async describe() {
      asked += 1;
      if (asked === 2) throw silent;
      return ended ?? RUNNING;
    },
    begun: async () => (pointer === undefined ? undefined : { ...pointer, units: lines.length }),
  };
  const backup = {
    ...a.backup,
    emit: (event: { type: string; unit?: string }) => own.push(`${event.type} ${event.unit ?? ""}`.trim()),
  };
  const execution = await follow(backup, {
    deployment: deployment as Deployment,
    arn: "arn",
    job: findJob(a.backup.config, "docs"),
    sleep: async () => void (await steps.shift()?.()),
  });
  assert.equal(execution.status, "ok");
  assert.deepEqual(own, ["planned", "unit-started a", "unit-ended a", "unit-started b", "unit-ended b"]);
});
