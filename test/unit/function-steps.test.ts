import assert from "node:assert/strict";
import { test } from "node:test";
import { functionTable } from "../../infra/functions.ts";
import { bytesOf } from "../../lib/bytes.ts";
import { endRun, endStoppedRun, giveBackStopped } from "../../lib/end-run.ts";
import { endedStep } from "../../lib/ended-step.ts";
import {
  DeferredError,
  LeaseBlockedError,
  LeaseHeldError,
  NotifierError,
  SourceError,
  TransientError,
} from "../../lib/errors.ts";
import { beginRun, collectStep, finishStep, planStep, pruneStep, type StepPointer } from "../../lib/function-steps.ts";
import { concludeStep, verifyPartStep, verifyStep } from "../../lib/function-verify.ts";
import { planKey } from "../../lib/keys.ts";
import { acquireLease, type LeaseRequest } from "../../lib/lease/acquire-lease.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { runJobs } from "../../lib/run.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import { aBackup, aJob, contentsOf } from "../support/a-backup.ts";
import { aSlowSource } from "../support/a-slow-source.ts";
import { memoryNotifier, told as notifying } from "../support/memory-notifier.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";
import { workOfSteps } from "../support/work-of-steps.ts";

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
  const verified = await verifiedOf(a, pointer);
  const { prune, removed } = JSON.parse(JSON.stringify(await pruneStep(a.backup, pointer)));
  await endRun(a.backup, { outcome: { ...finished, prune }, pointer, removed });
  a.later(60);
  return { pointer, units, collected, finished, verified };
}

/** Waiting for a lease takes no time but that of its clock. */
function watching(a: ReturnType<typeof aBackup>) {
  let elapsed = 0;
  const sleep = async (ms: number) => {
    elapsed += ms;
    a.later(ms / 1000);
  };
  return { ...a.backup, elapsed: () => elapsed, sleep };
}

async function verifiedOf(a: ReturnType<typeof aBackup>, pointer: StepPointer) {
  const verified = await verifyStep(a.backup, pointer);
  if ("verified" in verified) return verified;
  for (let n = 0; n < verified.parts; n += 1) await verifyPartStep(a.backup, pointer, { n, compute: "lambda" });
  const concluded = await concludeStep(a.backup, pointer, 0);
  assert.ok("verified" in concluded, "no part is missing");
  return concluded;
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

test("a unit that its source puts off twice goes on each time from where it was", async () => {
  const later = (minutes: number) => new Date(Date.parse("2026-11-22T03:00:00Z") + minutes * 60_000);
  const until = new Map([
    ["b.json", later(30)],
    ["c.json", later(90)],
  ]);
  const unit: ScriptedUnit = {
    id: "r",
    items: { "a.json": "a", "b.json": "b", "c.json": "c" },
    before: async (item, { defer }) => {
      const moment = until.get(item);
      if (moment !== undefined) await defer(moment, "the limit is used up");
    },
  };
  const a = aBackup({ units: () => [unit], waits: "elsewhere" });
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined, execution: "arn:execution:mine" });
  const [line] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(line);
  const answers = [];
  for (const minutes of [0, 30, 90]) {
    a.clock.time = later(minutes);
    // While it waits a desk does not take the job for abandoned.
    await assert.rejects(beginRun(a.backup, { job: "docs", only: undefined }), { name: "LeaseHeldError" });
    answers.push(await collectStep(a.backup, pointer, line, a.backup.config));
  }
  assert.deepEqual(answers, [
    { status: "deferred", resumeAt: later(30).toISOString() },
    { status: "deferred", resumeAt: later(90).toISOString() },
    { status: "ok" },
  ]);
  assert.deepEqual(a.source.opened, ["r/a.json", "r/b.json", "r/c.json"], "nothing was read twice");
});

test("what the prune of an execution found is told at its end, once", async () => {
  const told = memoryNotifier();
  const a = aBackup({ notifications: { memory: notifying() }, notifiers: { memory: told.notifier } });
  const lost = await execution(a);
  await execution(a);
  const { snapshot } = lost.pointer;
  const [day, time] = [snapshot.slice(0, 10), snapshot.slice(11)];
  await a.storage.remove(["manifest.json", "verified.json"].map((name) => `docs/${day}/${time}/${name}`));
  await execution(a);
  await execution(a);
  const events = told.reports.map(({ jobs: [job] }) => [job?.events, job?.errors.map(({ code }) => code)]);
  assert.deepEqual(events, [[["missed"], ["SNAPSHOT_LOST"]]]);
});

/** What Verdict leads to when an execution is redriven: Plan again, by the same input. */
test("a redriven execution collects what is missing, and takes over the rest", async () => {
  let broken = true;
  const fails = () => (broken ? new SourceError("SOURCE_FORBIDDEN", "no") : undefined);
  const a = aBackup({
    units: () => [
      { id: "good", fingerprint: "f", items: { "g.json": "g" } },
      { id: "bad", fingerprint: "f", items: { "b.json": "b" }, fails },
    ],
  });
  const first = await execution(a);
  assert.deepEqual(
    [first.finished.status, first.collected[1]],
    ["partial", { status: "failed", code: "SOURCE_FORBIDDEN" }],
  );
  broken = false;
  const opened = a.source.opened.length;
  const again = await execution(a);
  assert.deepEqual(again.collected, [{ status: "unchanged" }, { status: "ok" }]);
  assert.deepEqual(a.source.opened.slice(opened), ["bad/b.json"]);
});

test("a stopped execution that is redriven goes on under its lease, unless another run has begun since", async () => {
  const a = aBackup({ units: () => ["a", "b"].map((id) => ({ id, items: { "x.json": id } })) });
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
  const [one, two] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(one && two);
  await collectStep(a.backup, pointer, one, a.backup.config);
  a.later(3_600);
  assert.deepEqual(await collectStep(a.backup, pointer, two, a.backup.config), { status: "ok" });
  const finished = await finishStep(a.backup, pointer);
  assert.equal(finished.status, "ok");
  await endRun(a.backup, { outcome: finished, pointer, removed: 0 });
  await beginRun(a.backup, { job: "docs", only: undefined });
  await assert.rejects(collectStep(a.backup, pointer, two, a.backup.config), { name: "LeaseLostError" });
});

test("a container that starts after its lease ran out by the clock, and another run took the job over, writes nothing, and nothing is lost", async () => {
  const a = aBackup({ units: () => ["a", "b"].map((id) => ({ id, items: { "x.json": id } })) });
  const backup = watching(a);
  const { pointer } = await beginRun(backup, { job: "docs", only: undefined, execution: "arn:execution:slow" });
  const [one, two] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(one && two);
  await collectStep(backup, pointer, one, backup.config);
  a.later(25 * 60);
  // Who may not ask for the execution, as a desk.
  const other = await beginRun(backup, { job: "docs", only: undefined });
  const stored = await contentsOf(a.storage);
  for (const step of [
    () => collectStep(backup, pointer, two, backup.config),
    () => endedStep(backup, pointer, two, { compute: "fargate" }),
    () => finishStep(backup, pointer),
  ])
    await assert.rejects(step(), { name: "LeaseLostError" });
  assert.deepEqual(await contentsOf(a.storage), stored);
  assert.deepEqual([other.pointer.snapshot, other.pointer.resumed], [pointer.snapshot, 1]);
  for (const line of [one, two]) await collectStep(backup, other.pointer, line, backup.config);
  assert.equal((await finishStep(backup, other.pointer)).status, "ok");
  assert.deepEqual(await verifiedOf({ ...a, backup }, other.pointer), { verified: true, proved: 2 });
  await assert.rejects(finishStep(backup, pointer), { name: "LeaseLostError" });
  assert.deepEqual(a.source.opened, ["a/x.json", "b/x.json"]);
});

test("a bucket that is down from the middle to the end: who is to be told is told, and the next run needs no help", async () => {
  let isDown = false;
  const storage = new Proxy(memoryStorage(), {
    get(target, name, receiver) {
      if (isDown) throw new TransientError("STORAGE_FAILED", "S3 answers 503");
      return Reflect.get(target, name, receiver);
    },
  });
  const told = memoryNotifier();
  const a = aBackup({
    storage,
    units: () => ["a", "b"].map((id) => ({ id, items: { "x.json": id } })),
    notifications: { memory: notifying() },
    notifiers: { memory: told.notifier },
  });
  const backup = watching(a);
  const { pointer } = await beginRun(backup, { job: "docs", only: undefined });
  const [one, two] = await Array.fromAsync(readPlan(storage, pointer));
  assert.ok(one && two);
  await collectStep(backup, pointer, one, backup.config);
  isDown = true;
  const ended = { compute: "lambda", error: "TransientError" } as const;
  for (const step of [
    () => collectStep(backup, pointer, two, backup.config),
    () => endedStep(backup, pointer, two, ended),
    () => finishStep(backup, pointer),
  ])
    await assert.rejects(step(), { name: "TransientError" });
  const error = { code: "INTERNAL", message: "finish: TransientError: S3 answers 503", retryable: false } as const;
  const outcome = { job: "docs", status: "failed", error } as const;
  assert.deepEqual(await endRun(backup, { outcome, pointer, removed: 0 }), { told: 1, untold: 0, unmeasured: 0 });
  assert.match(JSON.stringify(told.reports), /finish: TransientError: S3 answers 503/);
  isDown = false;
  a.later(3_600);
  const next = await beginRun(backup, { job: "docs", only: undefined });
  assert.deepEqual([next.pointer.snapshot, next.pointer.resumed], [pointer.snapshot, 1]);
  assert.ok(backup.elapsed() >= 90_000, "the lease that nobody could give back was watched first");
  for (const line of [one, two]) await collectStep(backup, next.pointer, line, backup.config);
  assert.equal((await finishStep(backup, next.pointer)).status, "ok");
  assert.deepEqual(a.source.opened, ["a/x.json", "b/x.json"]);
});

test("the lease of an execution that was stopped from outside is given back, and no other one's", async () => {
  const a = aBackup({ units: () => [{ id: "r", items: { "a.json": "a" } }] });
  const execution = "arn:execution:mine";
  await beginRun(a.backup, { job: "docs", only: undefined, execution });
  const executionState = async () => "ended" as const;
  const stopped = { job: "docs", patienceMs: 120_000, executionState, sleep: async () => {} };
  await giveBackStopped(a.backup, { ...stopped, execution: "arn:execution:other" });
  await assert.rejects(beginRun(a.backup, { job: "docs", only: undefined }), { name: "LeaseHeldError" });
  await giveBackStopped(a.backup, { ...stopped, execution });
  assert.match(a.lines.join("\n"), /the stopped run holds no lease any more/);
  await beginRun(a.backup, { job: "docs", only: undefined });
});

test("a stopped run that nobody could be told of fails its function, to be called again, with its lease given back", async () => {
  const told = memoryNotifier();
  const a = aBackup({
    units: () => [{ id: "r", items: { "a.json": "a" } }],
    notifications: { memory: notifying() },
    notifiers: { memory: told.notifier },
  });
  const execution = "arn:execution:mine";
  await beginRun(a.backup, { job: "docs", only: undefined, execution });
  const outcome = { job: "docs", status: "interrupted", run: "mine" } as const;
  const from = {
    job: "docs",
    execution,
    patienceMs: 120_000,
    executionState: async () => "ended" as const,
    sleep: async () => {},
  };
  told.sendFails.push(new NotifierError("NOTIFIER_REFUSED", "no such channel"));
  await assert.rejects(endStoppedRun(a.backup, outcome, from), { code: "NOTIFIER_UNREACHABLE", message: /job docs/ });
  await beginRun(a.backup, { job: "docs", only: undefined });
  assert.deepEqual(await endStoppedRun(a.backup, outcome, undefined), { told: 1, untold: 0, unmeasured: 0 });
  told.heardOf.push("docs");
  told.sendFails.push(new NotifierError("NOTIFIER_REFUSED", "no such receiver"));
  assert.deepEqual(await endStoppedRun(a.backup, outcome, undefined), { told: 1, untold: 0, unmeasured: 0 });
  // Lambda calls it again, and it is one run.
  assert.deepEqual(
    told.reports.map(({ jobs: [job] }) => job?.badRuns),
    [1],
  );
  await endStoppedRun(a.backup, { ...outcome, run: "next" }, undefined);
  assert.equal(told.reports.at(-1)?.jobs[0]?.badRuns, 2);
  // One that is stopped once its own end was told is no second one.
  await endRun(a.backup, { outcome: { ...outcome, status: "failed", run: "third" }, removed: 0 });
  await endStoppedRun(a.backup, { ...outcome, run: "third" }, undefined);
  assert.deepEqual(
    told.reports.slice(-2).map(({ jobs: [job] }) => job?.badRuns),
    [3, 3],
  );
  const alone = aBackup({ units: () => [] });
  assert.deepEqual(await endStoppedRun(alone.backup, outcome, undefined), { told: 0, untold: 0, unmeasured: 0 });
});

test("a plan whose answer was lost is made again by its execution, which goes on with the same snapshot", async () => {
  const a = aBackup({ units: () => [{ id: "r", items: { "a.json": "a" } }] });
  const input = { job: "docs", only: undefined, execution: "arn:execution:mine" };
  const lost = await beginRun(a.backup, input);
  await assert.rejects(beginRun(a.backup, { ...input, execution: "arn:execution:other" }), { name: "LeaseHeldError" });
  const { pointer } = await beginRun(a.backup, input);
  assert.equal(pointer.snapshot, lost.pointer.snapshot);
  await assert.rejects(finishStep(a.backup, lost.pointer), { name: "LeaseLostError" });
  const [line] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(line);
  assert.deepEqual(await collectStep(a.backup, pointer, line, a.backup.config), { status: "ok" });
  assert.equal((await finishStep(a.backup, pointer)).status, "ok");
});

/** A plan while `request` holds the job's lease, and renews it for so many seconds of those that are waited. */
async function planBeside(request: Partial<LeaseRequest>, seconds: number) {
  let waited = 0;
  const a = aBackup({ units: () => [{ id: "r", items: { "a.json": "a" } }] });
  const holding = { ...a.backup, elapsed: () => waited * 1_000 };
  const other = { purpose: "run", processBound: true, waitMs: 0, ...request } as const;
  const lease = await acquireLease(a.storage, "docs", other, holding);
  const sleep = async (ms: number) => {
    waited += ms / 1_000;
    a.later(ms / 1_000);
    if (waited < seconds) await lease.confirm();
  };
  const waiting = { ...holding, sleep };
  const begun = beginRun(waiting, { job: "docs", only: undefined, execution: "arn:execution:mine" });
  const error = await begun.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  await lease.release();
  return { error, waited };
}

test("a run that meets another whole run is refused: at once by one of an execution, after five minutes by a desk's", async () => {
  const ofExecution = { processBound: false, execution: "arn:execution:other" };
  const beside = await planBeside(ofExecution, 600);
  assert.deepEqual([beside.error instanceof LeaseHeldError, beside.waited], [true, 0]);
  const desk = await planBeside({}, 600);
  assert.deepEqual([desk.error instanceof LeaseHeldError, desk.waited], [true, 300]);
});

test("a run is not passed over for what is no whole run: it begins when that has ended, and else fails and says who", async () => {
  const holders: readonly [Partial<LeaseRequest>, RegExp][] = [
    [{ purpose: "prune" }, /^job docs is being worked on by a prune \(process .* this one is missing$/],
    [{ narrowed: true }, /by a narrowed run \(process /],
    [{ narrowed: true, processBound: false, execution: "arn:execution:other" }, /by a narrowed run \(/],
  ];
  for (const [request, message] of holders) {
    const { error, waited } = await planBeside(request, 600);
    assert.ok(error instanceof LeaseBlockedError);
    assert.deepEqual([error.name, error.code, waited], ["LeaseBlockedError", "LEASE_HELD", 300]);
    assert.match(error.message, message);
  }
  const dead = await planBeside({ purpose: "prune" }, 0);
  assert.equal(dead.error, undefined);
  assert.ok(dead.waited >= 90 && dead.waited < 100, `${dead.waited}`);
});

async function planBytes({ storage }: ReturnType<typeof aBackup>, { job, snapshot }: StepPointer): Promise<number> {
  return (await storage.head(planKey(job, snapshot)))?.bytes ?? Number.POSITIVE_INFINITY;
}

test("a source that asks for a pause while it is listed: nothing is begun, another run may begin, and it is listed again", async () => {
  const until = new Date("2026-11-22T04:00:00Z");
  let isPutOff = true;
  const a = aBackup({
    waits: "elsewhere",
    units: () => {
      if (isPutOff) throw new DeferredError(until, "the limit is used up");
      return [{ id: "r", items: { "a.json": "a" } }];
    },
  });
  const input = { job: "docs", only: undefined };
  assert.deepEqual(await planStep(a.backup, input, a.backup.config), {
    status: "deferred",
    resumeAt: until.toISOString(),
  });
  assert.deepEqual([...(await contentsOf(a.storage)).keys()], ["docs/.lease"]);
  assert.match(a.lines.join("\n"), /listing goes on at 2026-11-22T04:00:00.000Z: the limit is used up/);
  isPutOff = false;
  const { finished } = await execution(a);
  assert.equal(finished.status, "ok");
  assert.ok("pointer" in (await planStep(a.backup, input, a.backup.config)));
});

test("a source that puts off being listed for longer than six hours, or the job's timeout, fails the run, with the reason", async () => {
  const until = new Date("2026-11-22T04:00:00Z");
  const a = aBackup({
    waits: "elsewhere",
    units: () => {
      throw new DeferredError(until, "the limit is used up");
    },
  });
  const input = { job: "docs", only: undefined };
  const since = (time: string, hours: number) => {
    const asConfigured = { ...a.backup.config, jobs: [aJob({ timeoutMs: hours * 3_600_000 })] };
    return planStep(a.backup, { ...input, since: new Date(time) }, asConfigured);
  };
  const deferred = { status: "deferred", resumeAt: until.toISOString() };
  assert.deepEqual(await since("2026-11-21T22:00:00Z", 0.5), deferred);
  assert.deepEqual(await since("2026-11-21T20:00:00Z", 8), deferred);
  await assert.rejects(since("2026-11-21T19:59:59Z", 8), { message: /more than 480 minutes after/ });
  await assert.rejects(since("2026-11-21T21:59:59Z", 0.5), {
    name: "SourceError",
    code: "SOURCE_RATE_LIMITED",
    message:
      /put off until 2026-11-22T04:00:00.000Z, .* 360 minutes after 2026-11-21T21:59:59.000Z.*: the limit is used up$/,
  });
  // Nobody is kept waiting by it.
  assert.deepEqual(await since("2026-11-22T03:00:00Z", 0.5), deferred);
});

test("a source that gives more after each pause is listed on from there, however long that takes", async () => {
  const { a, told, planned } = aSlowSource((before) => {
    const n = Number(before ?? 0);
    return { notes: n + 1, units: [`unit-${n}`], isWhole: n === 3 };
  });
  for (let n = 0; n < 3; n += 1) {
    assert.ok("resumeAt" in (await planned()));
    a.later(3_600);
  }
  const begun = await planned();
  assert.ok("pointer" in begun);
  const lines = await Array.fromAsync(readPlan(a.storage, begun.pointer));
  assert.deepEqual(
    lines.map(({ n, id, run }) => [n, id, run]),
    [0, 1, 2, 3].map((n) => [n, `unit-${n}`, begun.pointer.run]),
  );
  assert.deepEqual(told, [undefined, 1, 2, 3]);
});

test("a listing that gives no unit of the run yet goes on, too, for as long as it gets further, and no longer", async () => {
  for (const only of [undefined, ["wanted"]]) {
    const { a, told, planned } = aSlowSource((before) => {
      const n = Math.min(3, Number(Object(before).n ?? 0) + 1);
      return { notes: { n }, units: only === undefined ? [] : [`unit-${n}`] };
    });
    for (let n = 0; n < 3; n += 1) {
      assert.ok("resumeAt" in (await planned(only)));
      a.later(3_600);
    }
    await assert.rejects(planned(only), { name: "SourceError", code: "SOURCE_RATE_LIMITED" });
    assert.deepEqual(told, [undefined, { n: 1 }, { n: 2 }, { n: 3 }]);
  }
});

test("a listing that is older than runs may be that are taken up begins anew", async () => {
  const { a, told, planned } = aSlowSource((before) => {
    const n = Number(before ?? 0) + 1;
    return { notes: n, units: [`unit-${n}`] };
  });
  await planned();
  a.later(12 * 3_600 - 60);
  await planned();
  a.later(12 * 3_600 + 60);
  await planned();
  assert.deepEqual(told, [undefined, 1, undefined]);
});

test("a listing whose plan is damaged, cut or gone begins anew", async () => {
  const damages: readonly ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
    () => undefined,
    (bytes) => bytes.subarray(0, bytes.indexOf(10) + 1),
    (bytes) => Buffer.from(Buffer.from(bytes).toString().replace('"id":"a"', '"id":"x"')),
  ];
  for (const damage of damages) {
    const { a, told, planned } = aSlowSource(() => ({ notes: null, units: ["a", "b"] }));
    await planned();
    const [[key, bytes] = ["", new Uint8Array()]] = [...(await contentsOf(a.storage))].filter(([one]) =>
      one.endsWith("/plan.jsonl"),
    );
    const damaged = damage(bytes);
    await a.storage.remove([key]);
    if (damaged !== undefined) await a.storage.put(key, bytesOf(damaged));
    a.later(3_600);
    assert.ok("resumeAt" in (await planned()));
    assert.deepEqual(told, [undefined, undefined]);
  }
});

test("a listing that was put off and that nobody goes on with is swept as an unfinished run is", async () => {
  const { a, planned } = aSlowSource(() => ({ notes: null, units: ["a"] }));
  await planned();
  const listings = async () => [...(await contentsOf(a.storage)).keys()].filter((key) => key.endsWith("/listing.json"));
  assert.equal((await listings()).length, 1);
  a.later(13 * 3_600);
  const { jobs } = await runJobs({ ...a.backup, waits: "here" }, ["docs"]);
  assert.equal(jobs[0]?.status, "ok");
  assert.deepEqual(await listings(), []);
});

test("ten times as many units are ten times as much to do for the storage, up to 10,000, which fit into any function's memory", async (t) => {
  const smallest = Math.min(...functionTable.filter(({ name }) => name !== "verdict").map(({ memory }) => memory));
  // The program, and buffers, take a part of the rest.
  const heap = smallest / 2;
  const [few, many] = [await workOfSteps(1_000, heap), await workOfSteps(10_000, heap)];
  t.diagnostic(`1,000 units: ${JSON.stringify(few)}, 10,000 units: ${JSON.stringify(many)}`);
  assert.ok(many.calls <= few.calls * 10, `${few.calls} calls for 1,000 units, ${many.calls} for 10,000`);
  // Numbers of four digits are longer than those of three.
  for (const kind of ["bytes", "bytesVerifying"] as const)
    assert.ok(many[kind] <= few[kind] * 10.5, `${kind}: ${few[kind]} for 1,000 units, ${many[kind]} for 10,000`);
});
