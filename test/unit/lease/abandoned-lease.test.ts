import assert from "node:assert/strict";
import { test } from "node:test";
import { giveBackAbandoned } from "../../../lib/lease/abandoned-lease.ts";
import { acquireLease, type ExecutionState } from "../../../lib/lease/acquire-lease.ts";
import { continueLease } from "../../../lib/lease/lease.ts";
import { readLease } from "../../../lib/lease/lease-document.ts";
import { aBackup } from "../../support/a-backup.ts";

const EXECUTION = "arn:execution:mine";
const REQUEST = { purpose: "run", processBound: false, waitMs: 0, execution: EXECUTION } as const;

/** A lease that a first step took and left. `onSecond` is called for each second that is waited. */
async function leftLease() {
  const a = aBackup();
  const lease = await acquireLease(a.storage, "docs", REQUEST, a.backup);
  await lease.leave();
  const giveBack = (
    patienceMs: number,
    onSecond: (second: number) => Promise<void> = async () => {},
    { executions = [EXECUTION], state = "ended" }: { executions?: string[]; state?: ExecutionState } = {},
  ) => {
    let second = 0;
    const sleep = async () => {
      second += 1;
      await onSecond(second);
    };
    return giveBackAbandoned(a.storage, "docs", {
      ...{ patienceMs, executions, executionState: async () => state, signal: a.backup.signal, sleep },
    }).then((result) => ({
      ...result,
      seconds: second,
    }));
  };
  return { ...a, lease, giveBack };
}

test("a lease that nobody renews any more is given back, and the next run begins at once", async () => {
  const a = await leftLease();
  assert.deepEqual(await a.giveBack(900_000), { state: "free", seconds: 90 });
  const next = await acquireLease(a.storage, "docs", REQUEST, a.backup);
  await next.release();
});

test("while a step still renews it, it is waited for; with no more patience it is left, and told until when", async () => {
  const a = await leftLease();
  const renew = async (second: number) => {
    if (second % 30 !== 0 || second > 60) return;
    await (await continueLease(a.storage, "docs", a.lease.token, a.backup)).leave();
  };
  assert.deepEqual(await a.giveBack(900_000, renew), { state: "free", seconds: 60 + 90 });

  const held = await leftLease();
  const until = (await readLease(held.storage, "docs"))?.document?.expiresAt;
  assert.deepEqual(await held.giveBack(10_000), { state: "held", until, seconds: 10 });
});

test("a step whose renewals are slow trusts its lease meanwhile, and keeps it", async () => {
  const a = await leftLease();
  const renew = async (second: number) => {
    if (second !== 74) return;
    await (await continueLease(a.storage, "docs", a.lease.token, a.backup)).leave();
  };
  assert.deepEqual(await a.giveBack(900_000, renew), { state: "free", seconds: 74 + 90 });
});

test("one that another run has taken by then is not touched", async () => {
  const a = await leftLease();
  const taken = await a.giveBack(900_000, async (second) => {
    if (second !== 10) return;
    await (await continueLease(a.storage, "docs", a.lease.token, a.backup)).release();
    await (await acquireLease(a.storage, "docs", REQUEST, a.backup)).leave();
  });
  assert.equal(taken.state, "taken");
  assert.equal((await readLease(a.storage, "docs"))?.document?.released, false);
});

test("asked for an execution's lease, that of another one is not touched", async () => {
  const a = await leftLease();
  assert.equal((await a.giveBack(900_000, undefined, { executions: ["arn:execution:other"] })).state, "taken");
  assert.deepEqual(await a.giveBack(900_000, undefined, { executions: ["arn:execution:other", EXECUTION] }), {
    state: "free",
    seconds: 90,
  });
});

test("that of someone at work at a desk, or of an execution that was redriven meanwhile, is not touched", async () => {
  const a = await leftLease();
  assert.deepEqual((await a.giveBack(900_000, undefined, { state: "running" })).state, "taken");
  assert.equal((await readLease(a.storage, "docs"))?.document?.released, false);
  const desk = aBackup();
  const { execution: _, ...ofDesk } = REQUEST;
  await (await acquireLease(desk.storage, "docs", ofDesk, desk.backup)).leave();
  const options = { patienceMs: 900_000, signal: desk.backup.signal, sleep: async () => {} };
  const executionState = async () => "ended" as const;
  const given = await giveBackAbandoned(desk.storage, "docs", { ...options, executions: [EXECUTION], executionState });
  assert.equal(given.state, "taken");
});
