import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { endRun } from "../../lib/end-run.ts";
import type { ErrorRecord } from "../../lib/errors.ts";
import { readFailedRun } from "../../lib/failed-run.ts";
import { beginRun, collectStep, finishStep, pruneStep } from "../../lib/function-steps.ts";
import { verifyStep } from "../../lib/function-verify.ts";
import { failedRunKey } from "../../lib/keys.ts";
import { overview } from "../../lib/overview/overview.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { foldersNewestFirst, snapshotsNewestFirst } from "../../lib/snapshots.ts";
import { aBackup } from "../support/a-backup.ts";

const refused: ErrorRecord = { code: "SOURCE_UNAUTHORIZED", message: "plan: the source refuses", retryable: false };
const killed: ErrorRecord = { code: "INTERNAL", message: "finish: Runtime.ExitError", retryable: false };

const shown = async ({ backup }: ReturnType<typeof aBackup>) =>
  (await overview(backup, backup.config.jobs)).jobs[0]?.runs.map(({ status, errors: [error] }) => [
    status,
    error?.message,
  ]);

test("a run that fails before its manifest leaves why, for as long as what it left, and the next ones are made beside it", async () => {
  const a = aBackup({ units: () => [{ id: "r", items: { "a.json": "a" } }] });
  // The plan failed: there is no pointer.
  await endRun(a.backup, { outcome: { job: "docs", status: "failed", run: "night", error: refused }, removed: 0 });
  assert.deepEqual(await shown(a), [["unfinished", refused.message]]);
  a.later(60);

  // Finish failed, twice: the run is taken up again.
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
  const [line] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(line);
  await collectStep(a.backup, pointer, line, a.backup.config);
  await endRun(a.backup, { outcome: { job: "docs", status: "failed", error: killed }, pointer, removed: 0 });
  assert.deepEqual(await readFailedRun(a.storage, "docs", pointer.snapshot), killed);
  assert.equal((await shown(a))?.length, 2);
  assert.deepEqual(await Array.fromAsync(snapshotsNewestFirst(a.storage, "docs")), [], "it is no snapshot");

  a.later(60);
  const next = await beginRun(a.backup, { job: "docs", only: undefined });
  assert.equal(next.pointer.snapshot, pointer.snapshot);
  const { status } = await finishStep(a.backup, next.pointer);
  assert.equal(status, "ok");
  await verifyStep(a.backup, next.pointer);
  assert.deepEqual(
    (await shown(a))?.map(([one]) => one),
    ["ok", "unfinished"],
  );
  a.later(13 * 3_600);
  await pruneStep(a.backup, next.pointer);
  assert.deepEqual(
    (await shown(a))?.map(([one]) => one),
    ["ok"],
    "prune sweeps it as what an unfinished run left",
  );
});

test("of runs that come to no plan a day has one folder, which says what failed last", async () => {
  const a = aBackup({ units: () => [{ id: "r", items: { "a.json": "a" } }] });
  const fail = (message: string) =>
    endRun(a.backup, { outcome: { job: "docs", status: "failed", error: { ...refused, message } }, removed: 0 });
  const folders = () => Array.fromAsync(foldersNewestFirst(a.storage, "docs"));
  await fail("first");
  a.later(60);
  await fail("second");
  assert.deepEqual(await shown(a), [["unfinished", "second"]]);
  const [first] = await folders();

  // One that has a plan is no place for what came to none, and nor is one that another run took over.
  const { pointer } = await beginRun(a.backup, { job: "docs", only: undefined });
  await endRun(a.backup, { outcome: { job: "docs", status: "failed", error: killed }, pointer, removed: 0 });
  a.later(60);
  await fail("third");
  const lost = { ...refused, code: "LEASE_LOST" } as const;
  await endRun(a.backup, { outcome: { job: "docs", status: "failed", error: lost }, pointer, removed: 0 });
  assert.deepEqual(await readFailedRun(a.storage, "docs", pointer.snapshot), killed);
  a.later(24 * 3_600);
  await fail("tomorrow");
  const all = await folders();
  assert.deepEqual([all.length, all.at(-1)], [4, first]);
});

test("nothing is recorded of a run that has a manifest, that was stopped, or whose record cannot be stored or read", async () => {
  const a = aBackup({ units: () => [] });
  const snapshot = "2026-11-22T030000Z";
  for (const outcome of [
    { job: "docs", status: "failed", snapshot, error: killed },
    { job: "docs", status: "interrupted", error: { ...killed, code: "INTERRUPTED" } },
  ] as const)
    await endRun(a.backup, { outcome, removed: 0 });
  assert.equal(await shown(a).then((runs) => runs?.length), 0);
  const failing = { ...a.storage, put: () => Promise.reject(new Error("the disk is gone")) };
  const backup = { ...a.backup, storage: async () => failing };
  await endRun(backup, { outcome: { job: "docs", status: "failed", error: refused }, removed: 0 });
  assert.match(a.lines.at(-1) ?? "", /why the run failed could not be recorded: the disk is gone/);
  await a.storage.put(failedRunKey("docs", snapshot), bytesOf(new TextEncoder().encode("{}")));
  assert.deepEqual(await shown(a), [["unfinished", "the run ended before its manifest was written"]]);
});
