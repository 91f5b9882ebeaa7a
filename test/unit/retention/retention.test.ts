import assert from "node:assert/strict";
import { test } from "node:test";
import type { RetentionPolicy } from "../../../lib/config/schema.ts";
import { snapshotId } from "../../../lib/keys.ts";
import { decide, type SnapshotState } from "../../../lib/retention/retention.ts";
import { golden } from "../../support/golden.ts";

const DAY = 86_400_000;
const NOW = new Date("2026-11-22T04:00:00Z");

const aPolicy = (changes: Partial<RetentionPolicy>): RetentionPolicy => ({
  min_keep: 1,
  max_removals: 1000,
  ...changes,
});

type Outcome = "good" | "partial" | "failed" | "unverified";

function aSnapshot(daysBefore: number, outcome: Outcome = "good"): SnapshotState {
  const snapshot = snapshotId(new Date(Date.parse("2026-11-22T03:00:00Z") - daysBefore * DAY));
  return {
    snapshot,
    status: outcome === "partial" || outcome === "failed" ? outcome : "ok",
    verified: outcome === "good",
  };
}

const daily = (count: number) => Array.from({ length: count }, (_, day) => aSnapshot(day));

function reasons(snapshots: readonly SnapshotState[], policy: Partial<RetentionPolicy>, now = NOW): string[] {
  return decide(snapshots, aPolicy(policy), now, "UTC").decisions.map(
    ({ snapshot, reason }) => `${snapshot.slice(5, 10)} ${reason}`,
  );
}

test("keep_last keeps so many good ones", () => {
  assert.deepEqual(reasons(daily(3), { keep_last: 2 }), [
    "11-22 kept: newest good snapshot; last 1 of 2",
    "11-21 kept: last 2 of 2",
    "11-20 removed: not among the last 2",
  ]);
});

test("a failed, partial or unverified snapshot uses up no place of a good one", () => {
  assert.deepEqual(
    reasons([aSnapshot(0), aSnapshot(1, "partial"), aSnapshot(2, "unverified"), aSnapshot(3)], { keep_last: 2 }),
    [
      "11-22 kept: newest good snapshot; last 1 of 2",
      "11-21 kept: partial, among the last 2 of any kind",
      "11-20 removed: not verified, and a newer snapshot is good; not among the last 2",
      "11-19 kept: last 2 of 2",
    ],
  );
});

test("an age is measured from the newest good snapshot, so a job that stopped years ago keeps what it has", () => {
  const snapshots = [aSnapshot(1000), aSnapshot(1029), aSnapshot(1030), aSnapshot(1031)];
  const { decisions } = decide(snapshots, aPolicy({ keep_days: 30 }), NOW, "UTC");
  assert.deepEqual(
    decisions.map(({ reason }) => reason),
    [
      "kept: newest good snapshot; not older than 30 days",
      "kept: not older than 30 days",
      "kept: not older than 30 days",
      "removed: older than 30 days",
    ],
  );
});

test("a clock that jumped ten years ahead removes nothing", () => {
  const later = new Date(NOW.getTime() + 3_650 * DAY);
  assert.ok(
    decide(daily(30), aPolicy({ keep_days: 30, keep_daily: 30 }), later, "UTC").decisions.every(({ keep }) => keep),
  );
});

test("a snapshot dated after now is kept, and nothing is measured from it", () => {
  assert.deepEqual(reasons([aSnapshot(-3650), aSnapshot(0), aSnapshot(5), aSnapshot(40)], { keep_days: 30 }), [
    "11-19 kept: dated after now",
    "11-22 kept: newest good snapshot; not older than 30 days",
    "11-17 kept: not older than 30 days",
    "10-13 removed: older than 30 days",
  ]);
});

test("what is newer than the newest good snapshot is kept, however bad", () => {
  assert.deepEqual(
    reasons(
      [
        aSnapshot(0, "partial"),
        aSnapshot(1, "failed"),
        aSnapshot(2, "unverified"),
        aSnapshot(3),
        aSnapshot(4, "failed"),
      ],
      { keep_last: 1 },
    ),
    [
      "11-22 kept: partial, newer than the newest good snapshot; partial, among the last 1 of any kind",
      "11-21 kept: failed, newer than the newest good snapshot",
      "11-20 kept: not verified, newer than the newest good snapshot",
      "11-19 kept: newest good snapshot; last 1 of 1",
      "11-18 removed: failed, and a newer snapshot is good; not among the last 1",
    ],
  );
});

test("nothing is removed after a failed run", () => {
  const { decisions, held } = decide(
    [aSnapshot(0, "failed"), ...daily(9).slice(1)],
    aPolicy({ keep_last: 1 }),
    NOW,
    "UTC",
  );
  assert.equal(held, "the newest run (2026-11-22T030000Z) failed, so nothing is removed");
  assert.ok(decisions.every(({ keep, reason }) => keep && reason === `kept: ${held}`));
});

test("what may be good to who has another key stays, whatever the rules; as the newest it holds everything", () => {
  const mayBeGood = "its manifest is sealed";
  const unknown = (days: number): SnapshotState => ({ ...aSnapshot(days, "failed"), mayBeGood });
  assert.deepEqual(reasons([aSnapshot(0), unknown(1), aSnapshot(2), unknown(900)], { keep_last: 1 }), [
    "11-22 kept: newest good snapshot; last 1 of 1",
    "11-21 kept: its manifest is sealed: it may be good",
    "11-20 removed: not among the last 1",
    "06-05 kept: its manifest is sealed: it may be good",
  ]);
  const { held } = decide([unknown(0), ...daily(9).slice(1)], aPolicy({ keep_last: 1 }), NOW, "UTC");
  assert.equal(
    held,
    "the newest run (2026-11-22T030000Z) cannot be judged (its manifest is sealed), so nothing is removed",
  );
});

test("nothing is removed while no snapshot is good", () => {
  const snapshots = [aSnapshot(0, "partial"), aSnapshot(400, "unverified"), aSnapshot(800, "partial")];
  assert.ok(decide(snapshots, aPolicy({ keep_last: 1 }), NOW, "UTC").decisions.every(({ keep }) => keep));
});

test("a policy without a rule keeps everything", () => {
  assert.deepEqual(reasons([aSnapshot(0), aSnapshot(900, "failed")], {}), [
    "11-22 kept: the policy has no rule that removes anything",
    "06-05 kept: the policy has no rule that removes anything",
  ]);
});

test("min_keep good ones stay, whatever the rules say", () => {
  assert.deepEqual(
    reasons([aSnapshot(0), aSnapshot(100), aSnapshot(200), aSnapshot(300)], { keep_days: 30, min_keep: 3 }),
    [
      "11-22 kept: newest good snapshot; not older than 30 days",
      "08-14 kept: good 2 of at least 3",
      "05-06 kept: good 3 of at least 3",
      "01-26 removed: older than 30 days",
    ],
  );
});

test("more removals than max_removals are refused as a whole, with what to do", () => {
  const { decisions, refused } = decide(daily(40), aPolicy({ keep_last: 7, max_removals: 10 }), NOW, "UTC");
  assert.equal(
    refused,
    "the policy would remove 33 of 40 snapshots, which is more than max_removals: 10; nothing was removed. " +
      "If that many is right, set max_removals: 33 for this job until prune has run once",
  );
  assert.ok(decisions.every(({ keep }) => keep));
  assert.equal(decisions[7]?.reason, "kept: refused with max_removals: 10; else removed: not among the last 7");
});

test("exactly max_removals are done", () => {
  const { decisions, refused } = decide(daily(17), aPolicy({ keep_last: 7, max_removals: 10 }), NOW, "UTC");
  assert.equal(refused, undefined);
  assert.equal(decisions.filter(({ keep }) => !keep).length, 10);
});

test("of two that have one id and disagree, the worse counts", () => {
  const good = aSnapshot(0);
  for (const pair of [
    [good, { ...good, verified: false }],
    [{ ...good, verified: false }, good],
  ]) {
    assert.equal(
      decide([...pair, aSnapshot(1)], aPolicy({ keep_last: 1 }), NOW, "UTC").newestGood,
      aSnapshot(1).snapshot,
    );
  }
});

test("an id that is no time is an error, and not a decision", () => {
  assert.throws(
    () => decide([{ snapshot: "latest", status: "ok", verified: true }], aPolicy({ keep_last: 1 }), NOW, "UTC"),
    RangeError,
  );
});

test("no snapshots make an empty plan", () => {
  assert.deepEqual(decide([], aPolicy({ keep_last: 1 }), NOW, "UTC").decisions, []);
});

/** Two years of nights, with a bad one here and there. */
const twoYears = Array.from({ length: 730 }, (_, day) => {
  const outcome: Outcome =
    day % 41 === 3 ? "failed" : day % 37 === 5 ? "partial" : day % 53 === 8 ? "unverified" : "good";
  return aSnapshot(day, outcome);
});
/** Every six hours for a month, around the end of summer time in Berlin. */
const sixHourly = Array.from({ length: 120 }, (_, step) => aSnapshot(12 + step / 4));

const histories: readonly [string, readonly SnapshotState[], Partial<RetentionPolicy>, string][] = [
  [
    "grandfather-father-son",
    twoYears,
    { keep_daily: 7, keep_weekly: 4, keep_monthly: 12, keep_yearly: 2 },
    "Europe/Berlin",
  ],
  [
    "hybrid",
    twoYears.slice(0, 120),
    { mode: "hybrid", keep_last: 3, keep_days: 14, keep_monthly: 3, min_keep: 5 },
    "UTC",
  ],
  ["six-hourly", sixHourly, { keep_last: 4, keep_daily: 14 }, "Europe/Berlin"],
  ["refused", twoYears.slice(0, 30), { keep_last: 7, max_removals: 10 }, "UTC"],
];
for (const [name, snapshots, policy, timezone] of histories) {
  test(`the decisions for the history "${name}" have not changed`, async () => {
    const { decisions, ...rest } = decide(snapshots, aPolicy(policy), NOW, timezone);
    const lines = decisions.map(({ snapshot, reason }) => `${snapshot} ${reason}`);
    await golden(
      `retention-${name}.json`,
      `${JSON.stringify({ policy, timezone, ...rest, decisions: lines }, null, 2)}\n`,
    );
  });
}
