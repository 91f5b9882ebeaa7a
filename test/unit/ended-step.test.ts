import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Job } from "../../lib/config/schema.ts";
import { endedStep } from "../../lib/ended-step.ts";
import { DeferredError, SourceError } from "../../lib/errors.ts";
import { finish } from "../../lib/finish.ts";
import { beginRun, collectStep } from "../../lib/function-steps.ts";
import { type PlanLine, readPlan } from "../../lib/plan-line.ts";
import { readRecord } from "../../lib/record.ts";
import { runJobs } from "../../lib/run.ts";
import { aBackup, aJob, type BackupChanges } from "../support/a-backup.ts";

const KILLED = JSON.stringify({
  StoppedReason: "Essential container in task exited",
  Containers: [{ ExitCode: 137, Reason: "OutOfMemoryError: Container killed due to memory usage" }],
});

async function aBegunRun(changes: BackupChanges = {}) {
  const a = aBackup({ waits: "elsewhere", ...changes });
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
  const [line] = await lines(a.storage, pointer);
  assert.ok(line);
  return { ...a, pointer, line, record: () => readRecord(a.storage, pointer, 0) };
}

async function lines(storage: ReturnType<typeof aBackup>["storage"], pointer: Parameters<typeof readPlan>[1]) {
  const found: PlanLine[] = [];
  for await (const line of readPlan(storage, pointer)) found.push(line);
  return found;
}

describe("what became of a unit whose task or function gave no answer", () => {
  test("a task that was killed before it wrote anything: the record has its exit code, and the manifest too", async () => {
    const { backup, pointer, line, record } = await aBegunRun();
    const ended = { compute: "fargate", error: "States.TaskFailed", cause: KILLED } as const;
    assert.deepEqual(await endedStep(backup, pointer, line, ended), { status: "failed" });
    const message =
      "its task ended with exit code 137: OutOfMemoryError: Container killed due to memory usage; Essential container in task exited";
    assert.deepEqual((await record())?.error, { code: "UNIT_KILLED", message, retryable: true });
    const { status, units } = await finish(backup, pointer, []);
    assert.deepEqual([status, units[0]?.error?.code, units[0]?.compute], ["failed", "UNIT_KILLED", "fargate"]);
  });

  test("one that was never started is tried again, after a minute and after five; then its record says so", async () => {
    const { backup, pointer, line, record, lines } = await aBegunRun();
    const cause = JSON.stringify({ StoppedReason: "CannotPullContainerError: not found", Containers: [{}] });
    const ending = { compute: "fargate", error: "States.TaskFailed", cause } as const;
    for (const [tries, seconds] of [
      [1, 60],
      [2, 300],
    ] as const) {
      const { status, resumeAt = "" } = await endedStep(backup, pointer, line, { ...ending, tries });
      assert.equal(status, "deferred");
      assert.equal(Date.parse(resumeAt) - backup.now().getTime(), seconds * 1000);
      assert.equal(await record(), undefined);
    }
    assert.match(lines.join(""), /its task was never started: CannotPullContainerError: not found: tried again at 20/);
    assert.deepEqual(await endedStep(backup, pointer, line, { ...ending, tries: 3 }), { status: "failed" });
    assert.equal((await record())?.error?.message, "its task was never started: CannotPullContainerError: not found");
  });

  test("a function that was killed: what it threw", async () => {
    const { backup, pointer, line, record } = await aBegunRun();
    const cause = JSON.stringify({ errorMessage: "RequestId: 1 Error: Runtime exited with error: signal: killed" });
    await endedStep(backup, pointer, line, { compute: "lambda", error: "Runtime.ExitError", cause });
    const said =
      "its function ended by Runtime.ExitError: RequestId: 1 Error: Runtime exited with error: signal: killed";
    assert.deepEqual([(await record())?.error?.message, (await record())?.compute], [said, "lambda"]);
  });

  test("a record that had ended is believed, whatever became of its task afterwards", async () => {
    const { backup, pointer, line, record } = await aBegunRun();
    await collectStep(backup, pointer, line, backup.config);
    const ended = { compute: "lambda", error: "States.Timeout" } as const;
    assert.deepEqual(await endedStep(backup, pointer, line, ended), { status: "ok" });
    assert.equal((await record())?.status, "ok");
  });

  test("a unit for which a function has too little room for temporary files is to go on in a task", async () => {
    const fails = () => new SourceError("SCRATCH_FULL", "no space left in the folder for temporary files, /tmp");
    const { backup, pointer, line } = await aBegunRun({ units: () => [{ id: "a", items: {}, fails }] });
    const answer = await collectStep(backup, pointer, line, backup.config);
    assert.deepEqual(answer, { status: "failed", needsTask: true, code: "SCRATCH_FULL" });
  });

  test("a function whose time was up, and then a task that was killed: the record tells of the task", async () => {
    const slow = [
      { id: "a", items: { "a.json": "a" }, before: () => new Promise<void>((done) => setTimeout(done, 300)) },
    ];
    const a = await aBegunRun({ units: () => slow });
    const limited = { ...a.backup, config: { ...a.backup.config, jobs: [aJob({ timeoutMs: 20 })] } };
    const answer = await collectStep(limited, a.pointer, a.line, a.backup.config);
    assert.deepEqual(answer, { status: "failed", needsTask: true, code: "UNIT_TIMEOUT" });
    assert.equal((await a.record())?.error?.code, "UNIT_TIMEOUT");
    await endedStep(a.backup, a.pointer, a.line, { compute: "fargate", error: "States.TaskFailed", cause: KILLED });
    assert.equal((await a.record())?.error?.code, "UNIT_KILLED");
  });

  test("a unit that takes longer than its job allows is not given on", async () => {
    const slow = [
      { id: "a", items: { "a.json": "a" }, before: () => new Promise<void>((done) => setTimeout(done, 300)) },
    ];
    const a = await aBegunRun({ units: () => slow, jobs: [aJob({ timeoutMs: 20 })] });
    assert.deepEqual(await collectStep(a.backup, a.pointer, a.line, a.backup.config), {
      status: "failed",
      code: "UNIT_TIMEOUT",
    });
  });

  test("a task whose source put it off is called again at that moment", async () => {
    const until = new Date("2026-11-22T04:00:00Z");
    const fails = () => new DeferredError(until, "the quota is used up");
    const a = await aBegunRun({ units: () => [{ id: "a", items: { "a.json": "a" }, fails }] });
    await collectStep(a.backup, a.pointer, a.line, a.backup.config);
    const answer = await endedStep(a.backup, a.pointer, a.line, { compute: "fargate" });
    assert.deepEqual(answer, { status: "deferred", resumeAt: until.toISOString() });
  });
});

describe("where the plan has a unit collected", () => {
  const planned = async (job: Partial<Job>) => (await aBegunRun({ jobs: [aJob(job)] })).line.compute;

  test("where the job says, and else where its source says", async () => {
    assert.equal(await planned({ compute: "fargate" }), "fargate");
    assert.equal(await planned({ compute: "lambda" }), "lambda");
    assert.equal(await planned({ compute: "auto" }), "lambda");
  });

  test("by a task when it had to be one in the last snapshot", async () => {
    const a = aBackup({ jobs: [aJob({ compute: "fargate" })] });
    await runJobs(a.backup, ["docs"]);
    a.later(60);
    const next = { ...a.backup, config: { ...a.backup.config, jobs: [aJob({ compute: "auto" })] } };
    const { pointer } = await beginRun(next, { job: "docs", only: undefined });
    assert.deepEqual(
      (await lines(a.storage, pointer)).map(({ compute }) => compute),
      ["fargate"],
    );
  });
});
