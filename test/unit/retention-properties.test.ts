import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { snapshotId } from "../../lib/keys.ts";
import { decide, type SnapshotState } from "../../lib/retention/retention.ts";
import { type History, millis, retentionModel } from "../support/retention-model.ts";

/** What CI holds to; RETENTION_RUNS=1000000 for a longer look. */
const HISTORIES = Number(process.env.RETENTION_RUNS ?? 100_000);
const HOUR = 3_600_000;
// Half-hour summer time, a skipped date, midnight changes, both hemispheres, the far ends.
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/Havana",
  "Pacific/Kiritimati",
  "Asia/Kolkata",
];

const rule = (most: number) => fc.option(fc.integer({ min: 1, max: most }), { nil: undefined, freq: 2 });

const policies: fc.Arbitrary<RetentionPolicy> = fc.record({
  keep_last: rule(6),
  keep_days: rule(40),
  keep_daily: rule(5),
  keep_weekly: rule(4),
  keep_monthly: rule(4),
  keep_yearly: rule(3),
  min_keep: fc.integer({ min: 1, max: 4 }),
  max_removals: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 5 })),
});

/** A gap in hours and what became of the run: most are good, as in life; some are in the same second. */
const runs = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(24), fc.integer({ min: 0, max: 4_000 })),
    fc.integer({ min: 0, max: 9 }),
  ),
  { maxLength: 14, size: "max" },
);

/** Now is mostly right after the newest run; it may also be long after it, or, with a clock put back, before it. */
const histories: fc.Arbitrary<History> = fc
  .tuple(
    runs,
    policies,
    fc.integer({ min: 0, max: ZONES.length - 1 }),
    fc.integer({ min: 0, max: 9 }),
    fc.integer({ min: 0, max: 9_000 }),
  )
  .map(([steps, policy, zone, era, wait]) => {
    let time = Date.UTC(2005 + era * 3, 2, 20, 0, 30);
    const states = steps.map(([hours, outcome]): SnapshotState => {
      time += hours * HOUR;
      const status = outcome === 0 ? "failed" : outcome === 1 ? "partial" : "ok";
      return { snapshot: snapshotId(new Date(time)), status, verified: outcome > 2 };
    });
    const now = wait < 6_000 ? time + (wait % 3) : wait < 8_000 ? time + wait * HOUR : time - (wait - 8_000) * HOUR;
    return { states, policy, now: new Date(now), zone: ZONES[zone] ?? "UTC" };
  });

const plan = ({ states, policy, now, zone }: History) => decide(states, policy, now, zone);

test(`over ${HISTORIES} random histories, what is kept is what an independent model keeps, and the promises hold`, () => {
  const seen = { removing: 0, refused: 0, held: 0, future: 0, calendar: 0 };
  const property = fc.property(histories, (history) => {
    const { states, policy, now } = history;
    const { decisions, refused, held, newestGood } = plan(history);
    const ids = new Set(states.map(({ snapshot }) => snapshot));
    const kept = new Set(decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot));
    const removals = decisions.length - kept.size;

    // keep + remove = all, newest first.
    assert.equal(decisions.map(({ snapshot }) => snapshot).join(), [...ids].sort().reverse().join());
    assert.ok(
      decisions.every(({ keep, reason }) => /^(kept|removed): \S/.test(reason) && reason.startsWith("kept") === keep),
    );

    const wanted = retentionModel(history);
    if (ids.size - wanted.size > policy.max_removals) {
      assert.ok(refused !== undefined && removals === 0);
      seen.refused += 1;
    } else {
      assert.equal(refused, undefined);
      assert.equal([...kept].sort().join(), [...wanted].sort().join());
    }

    assert.ok(removals <= policy.max_removals);
    const past = [...ids].filter((id) => millis(id) <= now.getTime()).sort();
    const worst = (id: string) => states.filter(({ snapshot }) => snapshot === id);
    const goods = past.filter((id) => worst(id).every(({ status, verified }) => status === "ok" && verified));
    assert.equal(newestGood, goods.at(-1));
    assert.ok(goods.filter((id) => kept.has(id)).length >= Math.min(policy.min_keep, goods.length));
    if (newestGood !== undefined) assert.ok(kept.has(newestGood));
    if (goods.length === 0) assert.equal(removals, 0);
    if (worst(past.at(-1) ?? "").some(({ status }) => status === "failed")) assert.equal(removals, 0);
    assert.ok([...ids].every((id) => millis(id) <= now.getTime() || kept.has(id)));

    if (removals > 0) seen.removing += 1;
    if (held !== undefined) seen.held += 1;
    if (past.length < ids.size) seen.future += 1;
    if (decisions.some(({ reason }) => reason.includes("monthly 2 of"))) seen.calendar += 1;
  });
  fc.assert(property, { numRuns: HISTORIES });
  // A generator that never gets to where it hurts would prove nothing.
  for (const [what, times] of Object.entries(seen))
    assert.ok(times > HISTORIES / 100, `only ${times} histories were ${what}`);
});

test("the order in which snapshots are given, and naming one twice, change nothing", () => {
  const property = fc.property(histories, fc.integer({ min: 1, max: 1_000_000 }), (history, seed) => {
    const shuffled = [...history.states, ...history.states.slice(0, seed % 4)]
      .map((state, index) => ({ state, order: ((index + 1) * seed * 7_919) % 10_007 }))
      .sort((a, b) => a.order - b.order)
      .map(({ state }) => state);
    assert.deepEqual(plan({ ...history, states: shuffled }), plan(history));
  });
  fc.assert(property, { numRuns: HISTORIES / 5 });
});

test("deciding again over what was kept removes nothing more", () => {
  const property = fc.property(histories, (history) => {
    const kept = new Set(
      plan(history)
        .decisions.filter(({ keep }) => keep)
        .map(({ snapshot }) => snapshot),
    );
    const left = history.states.filter(({ snapshot }) => kept.has(snapshot));
    const again = plan({ ...history, states: left, policy: { ...history.policy, max_removals: 1_000 } });
    if (plan(history).refused === undefined) assert.ok(again.decisions.every(({ keep }) => keep));
  });
  fc.assert(property, { numRuns: HISTORIES / 5 });
});

test("a job that runs on for years and prunes after each run never loses its newest good snapshot", () => {
  const lives = fc.tuple(
    histories,
    fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 0, max: 9 })), {
      minLength: 5,
      maxLength: 60,
    }),
  );
  const property = fc.property(lives, ([{ policy, zone }, steps]) => {
    let time = Date.UTC(2020, 0, 1);
    let stored: SnapshotState[] = [];
    let newestGood: string | undefined;
    for (const [hours, outcome] of steps) {
      time += hours * HOUR;
      const snapshot = snapshotId(new Date(time));
      const status = outcome === 0 ? "failed" : outcome === 1 ? "partial" : "ok";
      stored.push({ snapshot, status, verified: outcome > 2 });
      if (outcome > 2) newestGood = snapshot;
      const { decisions } = decide(stored, policy, new Date(time), zone);
      const kept = new Set(decisions.filter(({ keep }) => keep).map((one) => one.snapshot));
      stored = stored.filter((one) => kept.has(one.snapshot));
      if (newestGood !== undefined) assert.ok(stored.some((one) => one.snapshot === newestGood));
    }
  });
  fc.assert(property, { numRuns: HISTORIES / 50 });
});
