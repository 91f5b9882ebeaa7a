import assert from "node:assert/strict";
import { test } from "node:test";
import { jobCost, type LastSnapshot } from "../../../lib/cost/job-cost.ts";
import { prices } from "../../../lib/cost/prices.ts";
import { aJob } from "../../support/a-backup.ts";

const GB = 1024 ** 3;
const now = new Date("2026-11-22T03:00:00Z");
const UNITS = 20;
/** So many units of one artifact each that are collected each time. */
const costOfUnits = (
  bytes: readonly number[],
  verification: LastSnapshot["verification"],
  compute: "auto" | "lambda" = "auto",
  oldVersionsDays = 0,
) => {
  const units = bytes.map((one) => ({ status: "ok", durationMs: 1_000, artifacts: [{ bytes: one }] }));
  const totals = { units: bytes.length, artifacts: bytes.length, bytes: bytes.reduce((sum, one) => sum + one, 0) };
  const manifest = { units, totals } as unknown as LastSnapshot["manifest"];
  const planned = bytes.map(() => ({ compute: "lambda", isUnchanged: false }) as const);
  return jobCost(
    aJob({ schedule: "0 3 * * *", compute }),
    planned,
    { manifest, verification },
    { snapshots: 1, oldVersionsDays, now, prices },
  );
};
const small = Array.from({ length: UNITS }, () => 1e6);
const large = Array.from({ length: UNITS }, () => GB);
const spent = (parts: number, seconds: number) => ({ parts, durationMs: seconds * 1000 });

test("verifying in parts costs the time of all of them, and not that from the first to the last", () => {
  const inParts = (seconds: number) =>
    costOfUnits(large, { durationMs: 60_000, parts: { lambda: spent(3, seconds), fargate: spent(0, 0) } });
  const [some, more] = [inParts(60), inParts(1_060)];
  assert.deepEqual([some.assumed, more.assumed], [[], []]);
  assert.ok(Math.abs(more.usage.lambdaGbSeconds - some.usage.lambdaGbSeconds - 1_000 * (1769 / 1024)) < 1e-6);
  assert.equal(some.usage.fargateVcpuHours, 0);
});

test("what prune removed is paid as long as the bucket keeps it", () => {
  const of = (oldVersionsDays: number) =>
    costOfUnits(large, { durationMs: 1_000, parts: undefined }, "auto", oldVersionsDays);
  const [without, month] = [of(0), of(30)];
  // A run each day: one snapshot is kept, and thirty have been removed in the last thirty days.
  assert.equal(without.month.s3Storage, UNITS * prices.s3_gb_month);
  assert.ok(Math.abs(month.month.s3Storage / without.month.s3Storage - (1 + month.runsPerMonth)) < 1e-9);
  assert.match(month.assumed.join("\n"), /what prune removes stays 30 days as old versions/);
});

test("parts that tasks verified are reckoned as tasks", () => {
  const { usage, run } = costOfUnits(large, {
    durationMs: 60_000,
    parts: { lambda: spent(3, 60), fargate: spent(2, 3600 - 2 * 40) },
  });
  assert.equal(usage.fargateVcpuHours, 1);
  assert.ok(run.fargate > 0.04, `${run.fargate}`);
});

test("a last verification in one go says nothing of the next one's parts: sizes do, and that is said", () => {
  const { usage, assumed } = costOfUnits(large, { durationMs: 1_000, parts: undefined });
  assert.deepEqual(assumed, ["60 MB/s for verifying, since the last one was in one go, and the next is in parts"]);
  assert.ok(usage.lambdaGbSeconds > ((UNITS * GB) / 60e6) * (1769 / 1024), `${usage.lambdaGbSeconds}`);
  const one = costOfUnits(small, { durationMs: 1_000, parts: undefined });
  assert.deepEqual(one.assumed, []);
  const never = costOfUnits(small, undefined);
  assert.deepEqual(never.assumed, ["60 MB/s for verifying, since there is none yet"]);
});

test("an artifact that no function reads in its time is a task's, where the job may have tasks", () => {
  const sizes = [40 * GB, 1e6];
  const auto = costOfUnits(sizes, undefined);
  assert.ok(auto.usage.fargateVcpuHours > (40 * GB) / 60e6 / 3600, `${auto.usage.fargateVcpuHours}`);
  assert.equal(costOfUnits(sizes, undefined, "lambda").usage.fargateVcpuHours, 0);
});
