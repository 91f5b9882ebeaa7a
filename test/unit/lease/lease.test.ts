import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { InterruptedError, StorageError, TransientError } from "../../../lib/errors.ts";
import { leaseKey } from "../../../lib/keys.ts";
import { acquireLease, type LeaseRequest } from "../../../lib/lease/acquire-lease.ts";
import { continueLease, type HeldLease } from "../../../lib/lease/lease.ts";
import { isLive, type LeaseDocument, leaseBytes, readLease } from "../../../lib/lease/lease-document.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { aCluster, type Machine } from "../../support/a-lease.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const now: LeaseRequest = { purpose: "run", processBound: true, waitMs: 0 };
/** As a run whose steps are processes of their own: nobody can tell that it has ended. */
const elsewhere: LeaseRequest = { ...now, processBound: false };
const HELD = { name: "LeaseHeldError", code: "LEASE_HELD" };
const LOST = { name: "LeaseLostError", code: "LEASE_LOST" };

const acquire = (storage: Storage, { context }: Machine, request = now) =>
  acquireLease(storage, "docs", request, context);

async function documentOf(storage: Storage): Promise<LeaseDocument> {
  const document = (await readLease(storage, "docs"))?.document;
  assert.ok(document);
  return document;
}

/** Changes the lease as if its holder had written it so. */
async function edit(storage: Storage, changes: Partial<LeaseDocument>): Promise<void> {
  await storage.put(leaseKey("docs"), bytesOf(leaseBytes({ ...(await documentOf(storage)), ...changes })));
}

/** The lease of a process of another machine, which is renewed no more. */
async function deadElsewhere(storage: Storage, machine: Machine): Promise<void> {
  await (await acquire(storage, machine)).leave();
  await edit(storage, { process: { machine: "another", pid: 1, start: 1 } });
}

/** A holder that lives and renews, on the fake time. */
function renewing(lease: HeldLease, everyMs = 30_000) {
  let left = everyMs;
  return async () => {
    left -= 1_000;
    if (left > 0) return;
    left = everyMs;
    await lease.confirm();
  };
}

test("a lease says who holds it since when, and given back it is free at once", async () => {
  const { storage, machine } = aCluster();
  const lease = await acquire(storage, machine());
  await lease.describe({ run: "01RUN", snapshot: "2026-11-26T030000Z" });
  const { process: holder, token, host, version, ...rest } = await documentOf(storage);
  assert.equal(token, lease.token);
  assert.equal(holder?.pid, process.pid);
  assert.ok(host !== "" && version !== "");
  assert.deepEqual(rest, {
    schemaVersion: 1,
    sequence: 2,
    released: false,
    purpose: "run",
    run: "01RUN",
    snapshot: "2026-11-26T030000Z",
    acquiredAt: "2026-11-26T03:00:00.000Z",
    renewedAt: "2026-11-26T03:00:00.000Z",
    expiresAt: "2026-11-26T03:01:30.000Z",
  });
  await assert.rejects(acquire(storage, machine()), {
    ...HELD,
    message: new RegExp(
      `^job docs is being worked on by run 01RUN \\(process ${process.pid} on .*, since 2026-11-26T03:00`,
    ),
  });
  await lease.release();
  assert.equal((await documentOf(storage)).released, true);
  await assert.rejects(lease.check(), LOST);
  await (await acquire(storage, machine())).release();
});

test("what an execution took is its own to take again at once, and nobody else's", async () => {
  const { storage, machine } = aCluster();
  const mine = { ...elsewhere, execution: "arn:execution:mine" };
  const answerLost = await acquire(storage, machine(), mine);
  await answerLost.leave();
  await assert.rejects(acquire(storage, machine(), { ...mine, execution: "arn:execution:other" }), HELD);
  await assert.rejects(acquire(storage, machine(), elsewhere), HELD);
  const again = await acquire(storage, machine(), mine);
  assert.notEqual(again.token, answerLost.token);
  await assert.rejects(continueLease(storage, "docs", answerLost.token, machine().context), LOST);
  await again.confirm();
  assert.equal((await documentOf(storage)).execution, mine.execution);
});

test("of twenty that come at once one gets the lease, and the others are told who", async () => {
  const { storage, machine } = aCluster();
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => acquire(storage, machine())));
  const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  assert.equal(won.length, 1);
  for (const result of results) if (result.status === "rejected") assert.equal(result.reason.code, "LEASE_HELD");
  assert.equal((await documentOf(storage)).token, won[0]?.token);
  await won[0]?.release();
});

test("the lease of a process of this machine that has ended is taken over at once, with its holder in the log", async () => {
  const { storage, machine, time } = aCluster();
  await (await acquire(storage, machine())).leave();
  const { process: holder } = await documentOf(storage);
  assert.ok(holder);
  // Its number went to another process since, as after a reboot of a container.
  await edit(storage, { run: "01OLD", process: { ...holder, start: holder.start + 1 } });
  const next = machine();
  const lease = await acquire(storage, next);
  assert.equal(time(), 0);
  assert.match(next.lines.join("\n"), /took over the lease of run 01OLD \(process \d+ on .*\): its process has ended/);
  await lease.release();
});

const MINUTE_MS = 60_000;
const EXECUTION = "arn:execution:one";
const ofExecution: LeaseRequest = { ...elsewhere, execution: EXECUTION };

test("between two steps of a run its lease is in force, though nobody renews it, also for one who waits", async () => {
  const { storage, machine, pass, time } = aCluster();
  const first = await acquire(storage, machine(), ofExecution);
  await first.leave();
  await pass(15 * MINUTE_MS);
  await assert.rejects(acquire(storage, machine()), HELD);
  await assert.rejects(acquire(storage, machine(), { ...now, waitMs: 3 * MINUTE_MS }), HELD);
  const step = await continueLease(storage, "docs", first.token, machine().context);
  await step.leave();
  await pass(15 * MINUTE_MS);
  await assert.rejects(acquire(storage, machine()), HELD);
  const begun = time();
  const next = await acquire(storage, machine(), { ...now, waitMs: 60 * MINUTE_MS });
  assert.ok(time() - begun >= 5 * MINUTE_MS && time() - begun < 7 * MINUTE_MS, `${time() - begun}`);
  await next.release();
});

test("a clock that is behind takes no lease of an execution between two of its steps, though nobody renews it", async () => {
  const { storage, machine } = aCluster();
  await (await acquire(storage, machine(), ofExecution)).leave();
  await assert.rejects(acquire(storage, machine(-DAY_MS), { ...now, waitMs: 10 * MINUTE_MS }), HELD);
});

test("whatever its end says, a lease is in force and shown as live for seven days after it was renewed, and no longer", async () => {
  const { storage, machine } = aCluster();
  const first = await acquire(storage, machine(), ofExecution);
  await first.keepUntil(new Date("2026-12-26T03:00:00Z"));
  await first.leave();
  const document = await documentOf(storage);
  const shown = (time: string) => isLive(document, new Date(time));
  assert.deepEqual([shown("2026-12-03T02:59:00Z"), shown("2026-12-03T03:06:00Z")], [true, false]);
  await edit(storage, { renewedAt: "2026-11-19T03:00:00.000Z" });
  await (await acquire(storage, machine())).release();
});

test("a step that waits for its source keeps the lease until then, whatever steps beside it do", async () => {
  const { storage, machine, pass } = aCluster();
  const first = await acquire(storage, machine(), ofExecution);
  await first.leave();
  const [long, short, other] = await Promise.all(
    Array.from({ length: 3 }, () => continueLease(storage, "docs", first.token, machine().context)),
  );
  assert.ok(long && short && other);
  const at = (minutes: number) => new Date(Date.parse("2026-11-26T03:00:00Z") + minutes * MINUTE_MS);
  await Promise.all([long.keepUntil(at(90)), short.keepUntil(at(30)), other.confirm()]);
  await Promise.all([long, short, other].map((lease) => lease.leave()));
  assert.equal((await documentOf(storage)).expiresAt, at(110).toISOString());
  await (await continueLease(storage, "docs", first.token, machine().context)).leave();
  await pass(89 * MINUTE_MS);
  await assert.rejects(acquire(storage, machine()), HELD);
  const again = await continueLease(storage, "docs", first.token, machine().context);
  await again.release();
  await assert.rejects(long.keepUntil(at(200)), LOST);
});

test("an execution that runs holds its lease whatever the clock says, and who cannot ask goes by the clock", async () => {
  const { storage, machine, pass } = aCluster();
  await (await acquire(storage, machine(), ofExecution)).leave();
  await pass(DAY_MS);
  const asked: string[] = [];
  const executionState = async (execution: string) => {
    asked.push(execution);
    return "running" as const;
  };
  const other = { ...elsewhere, execution: "arn:execution:two", executionState };
  await assert.rejects(acquire(storage, machine(), other), HELD);
  await assert.rejects(acquire(storage, machine(), { ...other, waitMs: 10 * MINUTE_MS }), HELD);
  assert.deepEqual([...new Set(asked)], [EXECUTION]);
  const next = await acquire(storage, machine(), { ...other, executionState: async () => "unknown" });
  await next.release();
});

test("the lease of an execution that has ended is watched for a step that is still at work, and then taken over", async () => {
  const { storage, machine, time, meanwhile } = aCluster();
  const executionState = async () => "ended" as const;
  const request = { ...elsewhere, execution: "arn:execution:two", executionState };
  const first = await acquire(storage, machine(), ofExecution);
  await first.keepUntil(new Date("2026-11-26T05:00:00Z"));
  const renew = renewing(first);
  meanwhile.push(async () => (time() < 100_000 ? renew() : undefined));
  await assert.rejects(acquire(storage, machine(), request), HELD);
  await first.leave();
  meanwhile.length = 0;
  const begun = time();
  const next = machine();
  const lease = await acquire(storage, next, request);
  assert.ok(time() - begun >= 90_000 && time() - begun < 96_000, `${time() - begun}`);
  assert.match(next.lines.join("\n"), /is of an execution that has ended; a step of it may still be at work/);
  assert.match(
    next.lines.join("\n"),
    /took over the lease of a run .*: its execution has ended, and none of its steps/,
  );
  await lease.release();
});

test("a lease that ran out elsewhere is watched for as long as it lasts, and then taken over", async () => {
  const { storage, machine, pass, time } = aCluster();
  await (await acquire(storage, machine(), elsewhere)).leave();
  await assert.rejects(acquire(storage, machine()), HELD);
  await pass(3_600_000);
  const next = machine();
  const lease = await acquire(storage, next);
  const watched = time() - 3_600_000;
  assert.ok(watched >= 90_000 && watched < 96_000, `${watched}`);
  assert.match(next.lines.join("\n"), /seems to have run out; since clocks may differ it is watched for 90 s/);
  assert.match(next.lines.join("\n"), /took over the lease of a run \(.*\): it was not renewed while it was watched/);
  await lease.release();
});

for (const [what, aheadMs] of [
  ["a day ahead", DAY_MS],
  ["a day behind", -DAY_MS],
  ["two minutes ahead", 120_000],
  ["two minutes behind", -120_000],
] as const) {
  test(`a clock that is ${what} takes no lease from a holder that lives`, async () => {
    const { storage, machine, meanwhile } = aCluster();
    const lease = await acquire(storage, machine(), elsewhere);
    meanwhile.push(renewing(lease));
    await assert.rejects(acquire(storage, machine(aheadMs)), HELD);
    await lease.confirm();
    await lease.release();
  });

  test(`a clock that is ${what} takes the lease of a holder that is dead in the end`, async () => {
    const { storage, machine, time } = aCluster();
    await deadElsewhere(storage, machine());
    const lease = await acquire(storage, machine(aheadMs), { ...now, waitMs: 120_000 });
    assert.ok(time() >= 90_000 && time() < 100_000, `${time()}`);
    await lease.release();
  });
}

test("a clock that jumps while the lease is held neither gives it up nor gives it away", async () => {
  const { storage, machine, pass, meanwhile } = aCluster();
  const mine = machine();
  const lease = await acquire(storage, mine, elsewhere);
  meanwhile.push(renewing(lease));
  for (const jump of [DAY_MS, -DAY_MS, -DAY_MS, 30_000]) {
    mine.aheadMs += jump;
    await pass(31_000);
    await lease.check();
    await assert.rejects(acquire(storage, machine()), HELD);
  }
  await lease.release();
});

test("who waits gets the lease when it is given back, and is refused when its patience ends", async () => {
  const { storage, machine, meanwhile, time } = aCluster();
  const first = await acquire(storage, machine(), elsewhere);
  const renew = renewing(first);
  meanwhile.push(async () => (time() < 100_000 ? renew() : time() === 100_000 ? first.release() : undefined));
  await assert.rejects(acquire(storage, machine(), { ...now, waitMs: 20_000 }), HELD);
  assert.ok(time() >= 20_000 && time() < 30_000);
  const patient = machine();
  const second = await acquire(storage, patient, { ...now, waitMs: 3_600_000 });
  assert.ok(time() >= 100_000 && time() <= 110_000, `${time()}`);
  assert.match(patient.lines.join("\n"), /waiting for a run \(/);
  await second.release();
});

test("a lease that was taken by another is lost: its signal is aborted, and check, confirm and release write nothing", async () => {
  const { storage, machine, pass } = aCluster();
  const old = await acquire(storage, machine(), elsewhere);
  await old.leave();
  const sleeping = await continueLease(storage, "docs", old.token, machine().context);
  await pass(3_600_000);
  const next = await acquire(storage, machine());
  await next.describe({ run: "01NEXT", snapshot: "2026-11-26T030000Z" });
  const before = await documentOf(storage);
  await assert.rejects(sleeping.check(), { ...LOST, message: /not ours any more: it is that of run 01NEXT \(process/ });
  assert.equal(sleeping.signal.aborted, true);
  await assert.rejects(sleeping.confirm(), LOST);
  await sleeping.release();
  assert.deepEqual(await documentOf(storage), before);
  await next.release();
});

test("a step in another process renews the lease before it relies on it, since others may have watched it for a while", async () => {
  const { storage, machine, pass } = aCluster();
  const first = await acquire(storage, machine(), elsewhere);
  await first.leave();
  await pass(80_000);
  const step = await continueLease(storage, "docs", first.token, machine().context);
  assert.equal((await documentOf(storage)).renewedAt, "2026-11-26T03:01:20.000Z");
  await pass(80_000);
  await assert.rejects(acquire(storage, machine()), HELD);
  await step.release();
});

test("steps that go on at the same time hold one lease, and count from before it was written by whichever of them", async () => {
  const faulty = faultyStorage(memoryStorage());
  const { storage, machine, pass } = aCluster(faulty);
  const first = await acquire(storage, machine(), elsewhere);
  await first.leave();
  const steps = await Promise.all(
    Array.from({ length: 20 }, () => continueLease(storage, "docs", first.token, machine().context)),
  );
  const written = faulty.calls.filter((call) => call.startsWith("put ")).length;
  assert.equal(written, 1 + steps.length, "nobody tries twice");
  await pass(74_000);
  for (const step of steps) await step.check();
  await pass(1_000);
  for (const step of steps) await step.check();
  assert.equal((await documentOf(storage)).renewedAt, "2026-11-26T03:01:15.000Z");
  for (const step of steps) await step.leave();
});

test("a holder that could not renew for long goes on when nobody has taken the lease meanwhile", async () => {
  const { storage, machine, pass } = aCluster();
  const lease = await acquire(storage, machine());
  await pass(3_600_000);
  await lease.check();
  assert.equal((await documentOf(storage)).renewedAt, "2026-11-26T04:00:00.000Z");
  await lease.release();
});

test("check asks nobody while the lease is certain, and the storage when it is not", async () => {
  const faulty = faultyStorage(memoryStorage());
  const { storage, machine, pass } = aCluster(faulty);
  const lease = await acquire(storage, machine());
  const asked = faulty.calls.length;
  for (let second = 0; second < 74; second += 1) {
    await lease.check();
    await pass(1_000);
  }
  assert.equal(faulty.calls.length, asked);
  await pass(1_000);
  await lease.check();
  assert.equal(faulty.calls.length, asked + 1);
  await lease.release();
});

test("while the storage does not answer, what is uncertain is a fault of the storage, and the lease is not lost", async () => {
  const inner = memoryStorage();
  let down = false;
  const storage: Storage = {
    ...inner,
    put: async (...args) => {
      if (down) throw new StorageError("STORAGE_FAILED", "down");
      return inner.put(...args);
    },
  };
  const { machine, pass } = aCluster();
  const lease = await acquire(storage, machine());
  down = true;
  await pass(80_000);
  await assert.rejects(lease.check(), { code: "STORAGE_FAILED" });
  assert.equal(lease.signal.aborted, false);
  down = false;
  await lease.check();
  await lease.release();
});

test("a reply that was lost after success, at each put of a lease's life, changes nothing", async () => {
  const error = new TransientError("STORAGE_FAILED", "the reply was lost");
  for (let call = 1; call <= 5; call += 1) {
    const storage = faultyStorage(memoryStorage(), [{ on: "put", call, do: "fail", error, when: "after" }]);
    const { machine } = aCluster();
    const lease = await acquire(storage, machine());
    await lease.confirm();
    await lease.describe({ run: "01RUN", snapshot: "2026-11-26T030000Z" });
    await lease.confirm();
    await lease.release();
    assert.equal((await documentOf(storage)).released, true, `call ${call}`);
    assert.equal(storage.calls.filter((one) => one.startsWith("put")).length, 6);
  }
});

test("steps in processes of their own renew one lease side by side", async () => {
  const { storage, machine } = aCluster();
  const first = await acquire(storage, machine(), elsewhere);
  const steps = await Promise.all(
    Array.from({ length: 5 }, () => continueLease(storage, "docs", first.token, machine().context)),
  );
  for (let round = 0; round < 5; round += 1) await Promise.all([first, ...steps].map((lease) => lease.confirm()));
  await Promise.all(steps.map((lease) => lease.leave()));
  await first.release();
  await assert.rejects(continueLease(storage, "docs", first.token, machine().context), LOST);
  const next = await acquire(storage, machine());
  await assert.rejects(continueLease(storage, "docs", first.token, machine().context), LOST);
  await next.release();
});

test("a lease that cannot be read, as a newer version's, is watched like any other", async () => {
  for (const content of ["", "{", '{"schemaVersion":2,"token":"x"}']) {
    const { storage, machine, time } = aCluster();
    await storage.put(leaseKey("docs"), bytesOf(content));
    const next = machine();
    const lease = await acquire(storage, next);
    assert.ok(time() >= 90_000 && time() < 96_000, `${time()}`);
    assert.match(next.lines.join("\n"), /took over the lease of someone whose lease cannot be read/);
    await lease.release();
  }
});

test("prune goes to work on a disk that is too full for a lease, as long as nobody else got one", async () => {
  const inner = memoryStorage();
  let full = true;
  const storage: Storage = {
    ...inner,
    put: async (...args) => {
      if (full) throw new StorageError("STORAGE_FULL", "no space left");
      return inner.put(...args);
    },
  };
  const { machine } = aCluster();
  await assert.rejects(acquire(storage, machine()), { code: "STORAGE_FULL" });
  const lease = await acquire(storage, machine(), { ...now, purpose: "prune" });
  await lease.check();
  full = false;
  // There is room again, so that it is written now.
  await lease.check();
  assert.equal((await documentOf(storage)).token, lease.token);
  await lease.release();

  full = true;
  const overtaken = await acquire(storage, machine(), { ...now, purpose: "prune" });
  full = false;
  const other = await acquire(storage, machine());
  full = true;
  await assert.rejects(overtaken.check(), LOST);
  full = false;
  await other.release();
});

test("an interrupt ends the waiting", async () => {
  const controller = new AbortController();
  const { storage, machine, meanwhile } = aCluster();
  const first = await acquire(storage, machine());
  meanwhile.push(async () => controller.abort(new InterruptedError("SIGINT")));
  await assert.rejects(acquire(storage, machine(0, controller.signal), { ...now, waitMs: DAY_MS }), InterruptedError);
  await first.release();
});
