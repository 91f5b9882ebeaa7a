import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceError } from "../../lib/errors.ts";
import { jobHistory } from "../../lib/job-history.ts";
import { prune } from "../../lib/prune.ts";
import { restorable } from "../../lib/restore/restorable.ts";
import { type RunOptions, runJobs } from "../../lib/run.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

const unit = (id: string): ScriptedUnit => ({ id, fingerprint: "f", items: { "a.json": id } });

async function runOf(a: ReturnType<typeof aBackup>, options: Partial<RunOptions> = {}) {
  const [result] = (await runJobs(a.backup, ["docs"], options)).jobs;
  assert.ok(result);
  a.later(60);
  return result;
}

const idsOf = ({ manifest }: Awaited<ReturnType<typeof runOf>>) => manifest?.units.map(({ id }) => id);

test("a narrowed run stores the units of its ids and globs, and its manifest says what it was narrowed to", async () => {
  const a = aBackup({ units: () => ["org/api-one", "org/api-two", "org/web", "other"].map(unit) });
  const { status, manifest } = await runOf(a, { only: ["org/api-*", "other"] });
  assert.equal(status, "ok");
  assert.deepEqual(
    manifest?.units.map(({ id }) => id),
    ["org/api-one", "org/api-two", "other"],
  );
  assert.deepEqual(manifest?.only, ["org/api-*", "other"]);
  assert.equal((await runOf(a)).manifest?.only, undefined);
});

test("what no unit has is refused before anything is stored, with the name that may be meant", async () => {
  const a = aBackup({ units: () => ["org/app", "org/web"].map(unit) });
  const { error, snapshot } = await runOf(a, { only: ["org/app", "org/wep"] });
  assert.deepEqual([error?.code, snapshot], ["CONFIG_INVALID", undefined]);
  assert.equal(error?.message, "job docs has no unit org/wep (did you mean org/web?)");
  assert.deepEqual(
    (await Array.fromAsync(a.storage.list(""))).map(({ key }) => key),
    ["docs/.lease"],
  );
});

test("a narrowed snapshot is the newest good one for nobody, and says nothing of the units it was not for", async () => {
  const a = aBackup({ units: () => ["a", "b"].map(unit) });
  const whole = await runOf(a);
  const narrow = await runOf(a, { only: ["a"] });
  assert.equal(narrow.status, "ok");
  assert.deepEqual(narrow.manifest?.warnings, [], "b is not absent at the source");
  const now = a.backup.now();
  assert.equal((await surveyJob(a.storage, "docs", now)).newestGood, whole.snapshot);
  const { lastGood, badSince } = await jobHistory(a.storage, "docs", { proof: false, now });
  assert.deepEqual(
    [lastGood === "none" || lastGood === "unknown" || lastGood.snapshot, badSince],
    [whole.snapshot, undefined],
  );
});

test("after a narrowed run the next whole one still knows every unit, and which are gone from the source", async () => {
  let ids = ["a", "b", "c"];
  const a = aBackup({ units: () => ids.map(unit) });
  await runOf(a);
  await runOf(a, { only: ["a"] });
  ids = ["a", "b"];
  const { manifest } = await runOf(a);
  assert.deepEqual(
    manifest?.units.map(({ id, status, reusedFrom }) => [id, status, reusedFrom]),
    [
      ["a", "unchanged", "2026-11-22T030100Z"],
      ["b", "unchanged", "2026-11-22T030000Z"],
    ],
  );
  assert.deepEqual(
    manifest?.warnings.map(({ code, unit: id }) => [code, id]),
    [["SOURCE_ABSENT", "c"]],
  );
  assert.equal(manifest?.previous?.snapshot, "2026-11-22T030100Z", "the chain has no gap");
});

test("a whole run does not take up a narrowed one, nor the other way round", async () => {
  const a = aBackup({ units: () => ["a", "b"].map(unit), jobs: [aJob({ concurrency: 1 })] });
  const stop = new AbortController();
  const interrupted = {
    ...a.backup,
    signal: stop.signal,
    emit: () => stop.abort(new SourceError("SOURCE_PROTOCOL", "")),
  };
  const [ended] = (await runJobs(interrupted, ["docs"], { only: ["b"] })).jobs;
  assert.deepEqual([ended?.status, ended?.manifest], ["interrupted", undefined]);
  a.later(60);
  const whole = await runOf(a);
  assert.deepEqual([whole.resumed, idsOf(whole)], [undefined, ["a", "b"]]);
  assert.match(a.lines.join("\n"), /not taken up again: it is for other units of the job than this run/);
});

test("a narrowed run that was interrupted is taken up by one for the same units", async () => {
  const a = aBackup({ units: () => ["a", "b"].map(unit) });
  const stop = new AbortController();
  const interrupted = {
    ...a.backup,
    signal: stop.signal,
    emit: () => stop.abort(new SourceError("SOURCE_PROTOCOL", "")),
  };
  await runJobs(interrupted, ["docs"], { only: ["b"] });
  a.later(60);
  const again = await runOf(a, { only: ["b"] });
  assert.deepEqual([again.resumed?.at.length, idsOf(again)], [1, ["b"]]);
  assert.deepEqual(again.manifest?.only, ["b"]);
});

test("restoring the latest means the last whole snapshot, or the one that has the unit that is asked for", async () => {
  const a = aBackup({ units: () => ["a", "b"].map(unit) });
  const narrow = await runOf(a, { only: ["a"] });
  await assert.rejects(restorable(a.backup, { job: "docs" }), /has no whole snapshot.*such as 2026-11-22T030000Z/);
  assert.equal((await restorable(a.backup, { job: "docs", unit: "a" })).manifest.snapshot, narrow.snapshot);
  const whole = await runOf(a);
  const newer = await runOf(a, { only: ["a"] });
  const latest = async (id?: string) => (await restorable(a.backup, { job: "docs", unit: id })).manifest.snapshot;
  assert.deepEqual(
    [await latest(), await latest("a"), await latest("b")],
    [whole.snapshot, newer.snapshot, whole.snapshot],
  );
});

test("retention counts a narrowed snapshot as none of the good ones, and keeps it while it is newer than them", async () => {
  const jobs = [aJob({ retention: { keep_last: 1, min_keep: 1, max_removals: 10 } })];
  const a = aBackup({ units: () => ["a", "b"].map(unit), jobs });
  const whole = await runOf(a);
  const narrow = await runOf(a, { only: ["a"] });
  const { decisions } = await prune(a.backup, { job: "docs", dryRun: true });
  assert.deepEqual(
    decisions.map(({ snapshot, keep }) => [snapshot, keep]),
    [
      [narrow.snapshot, true],
      [whole.snapshot, true],
    ],
  );
  assert.match(decisions[0]?.reason ?? "", /narrowed, newer than the newest good snapshot/);
  const next = await runOf(a);
  assert.deepEqual(next.prune?.removed, [whole.snapshot, narrow.snapshot]);
});
