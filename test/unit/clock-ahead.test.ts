import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { jobHistory } from "../../lib/job-history.ts";
import { jobStanding } from "../../lib/job-standing.ts";
import { resumedKey } from "../../lib/keys.ts";
import { underLease } from "../../lib/lease/under-lease.ts";
import { plan } from "../../lib/plan.ts";
import { prune } from "../../lib/prune.ts";
import { wasAtWorkWithin } from "../../lib/resume/at-work.ts";
import { findUnfinished } from "../../lib/resume/resume.ts";
import { runJobs } from "../../lib/run.ts";
import { findChosen, findRestorable } from "../../lib/snapshots.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { judgeJob } from "../../lib/watch/watch-job.ts";
import { aBackup, aJob } from "../support/a-backup.ts";

const DAY = 86_400;
const YEAR = 365 * DAY;
const NIGHTLY = aJob({ schedule: "0 3 * * *" });

/** A run under a clock that was a year ahead, and one under the right one. */
async function aheadOnce() {
  const a = aBackup({ jobs: [NIGHTLY] });
  a.later(YEAR);
  const [ahead] = (await runJobs(a.backup, ["docs"])).jobs;
  a.later(-YEAR);
  const [right] = (await runJobs(a.backup, ["docs"])).jobs;
  return { a, ahead: ahead?.snapshot, right: right?.snapshot };
}

test("a snapshot of a clock that was ahead does not keep the watch quiet", async () => {
  const { a, ahead, right } = await aheadOnce();
  const seen = async () =>
    judgeJob(NIGHTLY, await surveyJob(a.storage, "docs", a.clock.time), { firstSeen: a.clock.time, now: a.clock.time });
  const well = await seen();
  assert.deepEqual([well.ok, well.snapshot], [true, right]);
  assert.deepEqual(well.notices, [
    `${ahead} is dated after now, by a clock that was ahead: until then it counts for nothing`,
  ]);
  a.later(3 * DAY);
  const late = await seen();
  assert.deepEqual(
    late.problems.map(({ code }) => code),
    ["JOB_LATE"],
  );
  assert.ok((late.lateBy ?? 0) > DAY);
});

test("nor does it keep quiet that no run is begun, while there is no snapshot beside it", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  const firstSeen = a.clock.time;
  a.later(YEAR);
  await runJobs(a.backup, ["docs"]);
  a.later(3 * DAY - YEAR);
  const { problems } = judgeJob(NIGHTLY, await surveyJob(a.storage, "docs", a.clock.time), {
    firstSeen,
    now: a.clock.time,
  });
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["JOB_LATE"],
  );
});

test("it is neither the latest nor the last good one, unless it is the only one", async () => {
  const { a, ahead, right } = await aheadOnce();
  const now = a.clock.time;
  assert.equal((await findChosen(a.storage, "docs", "latest", now)).snapshot, right);
  assert.equal((await findRestorable(a.storage, "docs", {}, now)).snapshot, right);
  assert.equal((await findRestorable(a.storage, "docs", { snapshot: ahead }, now)).snapshot, ahead);
  const { lastGood } = await jobHistory(a.storage, "docs", { proof: false, now });
  assert.equal(typeof lastGood === "string" ? lastGood : lastGood.snapshot, right);
  assert.equal((await jobStanding(a.storage, aJob(), { now, proof: undefined, searchesProof: true })).good, right);
  const longAgo = new Date(now.getTime() - 10 * YEAR * 1000);
  assert.equal((await findChosen(a.storage, "docs", "latest", longAgo)).snapshot, ahead, "our own clock is behind");
});

test("and a run that was ended is taken up again, though it lies before it", async () => {
  const { a } = await aheadOnce();
  a.later(DAY);
  await underLease(a.backup, NIGHTLY, { purpose: "run", processBound: true, waitMs: 0 }, (leased) =>
    plan(leased, { job: "docs", resume: "never" }),
  );
  assert.equal((await findUnfinished(a.backup, NIGHTLY, "within"))?.snapshot, "2026-11-23T030000Z");
});

/** Begun and ended before its time, under a clock that was so many seconds ahead. */
async function unfinished(a: ReturnType<typeof aBackup>, seconds = 0) {
  a.later(seconds);
  const request = { purpose: "run", processBound: true, waitMs: 0 } as const;
  const planned = await underLease(a.backup, NIGHTLY, request, (leased) =>
    plan(leased, { job: "docs", resume: "never" }),
  );
  a.later(-seconds);
  return planned.snapshot;
}

test("an ended run that is dated after now is taken up with --resume where there is no other", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  const ahead = await unfinished(a, YEAR);
  assert.equal(await findUnfinished(a.backup, NIGHTLY, "within"), undefined);
  assert.equal((await findUnfinished(a.backup, NIGHTLY, "always"))?.snapshot, ahead);
  const right = await unfinished(a);
  assert.equal((await findUnfinished(a.backup, NIGHTLY, "always"))?.snapshot, right);
});

test("what it left is swept by the next run that makes a good snapshot, and by no prune before that", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  await runJobs(a.backup, ["docs"]);
  a.later(DAY);
  const ahead = await unfinished(a, YEAR);
  const decided = (decisions: readonly { readonly snapshot: string; readonly reason: string }[] = []) =>
    decisions.find(({ snapshot }) => snapshot === ahead)?.reason;
  const byHand = () =>
    underLease(a.backup, NIGHTLY, { purpose: "prune", processBound: true, waitMs: 0 }, (leased) =>
      prune(leased, { job: "docs", dryRun: false }),
    );
  const kept = "kept: unfinished run; it is dated after now, until a run has made a good snapshot after it";
  assert.equal(decided((await byHand()).decisions), kept);
  const [run] = (await runJobs(a.backup, ["docs"])).jobs;
  assert.deepEqual(run?.prune?.swept, [ahead]);
  assert.equal(
    decided(run?.prune?.decisions),
    `removed: unfinished run; it is dated after now, and ${run?.snapshot} was made after it`,
  );
});

test("a sign of work that is dated after now does not keep an ended run for as long as its clock was ahead", async () => {
  const a = aBackup({ jobs: [NIGHTLY] });
  const snapshot = await unfinished(a);
  const resumedAt = [new Date(a.clock.time.getTime() + YEAR * 1000).toISOString()];
  await a.storage.put(resumedKey("docs", snapshot, 1), bytesOf(JSON.stringify({ run: "r", resumedAt })));
  a.later(3 * DAY);
  assert.equal(await wasAtWorkWithin(a.storage, NIGHTLY, snapshot, a.clock.time), false);
});
