import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jobHistory } from "../../lib/job-history.ts";
import { jobStanding, type StandingMemory } from "../../lib/job-standing.ts";
import { manifestKey } from "../../lib/keys.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { aJob } from "../support/a-backup.ts";
import { type Day, writeSnapshots } from "../support/many-snapshots.ts";

const NOW = new Date("2026-11-22T03:30:00Z");
const NEWEST = new Date("2026-11-22T03:00:00Z");

/** One snapshot, and after it so many others, a day each. */
const since = (t: TestContext, first: Day, count: number, others: Day) =>
  ofDays(t, [first, ...Array<Day>(count).fill(others)]);

async function ofDays(t: TestContext, days: readonly Day[]): Promise<Storage & { asked: string[] }> {
  const base = await mkdtemp(join(tmpdir(), "core-backup-further-back-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  await writeSnapshots(base, "docs", days, NEWEST);
  const storage = filesystemStorage({ basePath: base });
  const asked: string[] = [];
  const read: Storage["read"] = (key, most) => {
    asked.push(key);
    return storage.read(key, most);
  };
  return { ...storage, read, asked };
}

const standingOf = (storage: Storage, more: Partial<Parameters<typeof jobStanding>[2]> = {}, prove = true) =>
  jobStanding(storage, aJob({ verify: { checksum: 1, prove } }), {
    ...{ now: NOW, proof: undefined, searchesProof: true },
    ...more,
  });

test("the newest good snapshot is found however many runs have failed since, and since when they do", async (t) => {
  const storage = await since(t, "proved", 110, "failed");
  const first = "2026-08-04T030000Z";
  const standing = await standingOf(storage);
  assert.deepEqual([standing.good, standing.proved, standing.first], [first, first, first]);
  assert.equal(standing.provedAt?.toISOString(), "2026-08-04T03:01:00.000Z");
  assert.equal(standing.success?.finishedAt, "2026-08-04T03:00:40.000Z");
  const history = await jobHistory(storage, "docs", { proof: true, now: NOW });
  assert.deepEqual(history.lastGood, {
    snapshot: first,
    at: "2026-08-04T03:00:00.000Z",
    ageMs: 110 * 86_400_000 + 1_800_000,
  });
  assert.equal(history.badSince?.toISOString(), "2026-08-05T03:00:00.000Z");
  assert.equal(history.provedAt?.toISOString(), "2026-08-04T03:01:00.000Z");
});

test("the newest proved snapshot is found however many were not proved since; of those only verified.json is read", async (t) => {
  const storage = await since(t, "proved", 110, "good");
  const first = "2026-08-04T030000Z";
  assert.equal((await surveyJob(storage, "docs", NOW)).newestProved, first);
  assert.equal(
    (await jobHistory(storage, "docs", { proof: true, now: NOW })).provedAt?.toISOString(),
    "2026-08-04T03:01:00.000Z",
  );
  storage.asked.length = 0;
  assert.equal((await standingOf(storage)).proved, first);
  assert.equal(storage.asked.filter((key) => key.endsWith("manifest.json")).length, 31);
});

test("where none was ever proved, the job is due from its first run on", async (t) => {
  const storage = await since(t, "good", 110, "good");
  const { good, proved, provedAt, first } = await standingOf(storage);
  assert.deepEqual([good, proved, provedAt, first], ["2026-11-22T030000Z", undefined, undefined, "2026-08-04T030000Z"]);
  const { firstRun, provedAt: none } = await jobHistory(storage, "docs", { proof: true, now: NOW });
  assert.deepEqual([firstRun?.toISOString(), none], ["2026-08-04T03:00:00.000Z", undefined]);
  const { newestProved, first: ofAll } = await surveyJob(storage, "docs", NOW);
  assert.deepEqual([newestProved, ofAll], [undefined, "2026-08-04T030000Z"]);
});

test("what an earlier look has found of the last proof is not looked for again, and a later proof counts", async (t) => {
  const storage = await since(t, "proved", 40, "good");
  const at = "2026-10-13T03:01:00.000Z";
  const proof = { upTo: "2026-11-21T030000Z", at };
  assert.equal((await standingOf(storage, {}, false)).provedAt?.toISOString(), at);
  storage.asked.length = 0;
  assert.equal((await standingOf(storage, { proof }, false)).provedAt?.toISOString(), at);
  assert.equal((await standingOf(storage, { proof: { ...proof, at: null } }, false)).provedAt, undefined);
  assert.equal((await standingOf(storage, { searchesProof: false }, false)).provedAt, undefined);
  assert.equal(storage.asked.filter((key) => key.endsWith("verified.json")).length, 90, "thirty each");
  // One of before the thirty that were looked at says nothing of what lies between.
  const old = { upTo: "2026-10-15T030000Z", at: null };
  assert.equal((await standingOf(storage, { proof: old }, false)).provedAt?.toISOString(), at);
  const proved = await since(t, "good", 3, "proved");
  assert.equal((await standingOf(proved, { proof })).provedAt?.toISOString(), "2026-11-22T03:01:00.000Z");
});

test("a proof that was known is looked for anew where its snapshot is gone", async (t) => {
  const storage = await since(t, "proved", 40, "good");
  const [snapshot, at] = ["2026-10-13T030000Z", "2026-10-13T03:01:00.000Z"];
  const proof = { upTo: "2026-11-21T030000Z", at, snapshot };
  assert.equal((await standingOf(storage, { proof }, false)).provedAt?.toISOString(), at);
  await storage.remove([manifestKey("docs", snapshot)]);
  assert.equal((await standingOf(storage, { proof }, false)).provedAt, undefined);
  assert.equal((await standingOf(storage, { proof, searchesProof: false }, false)).provedAt, undefined);
});

for (const [what, first, others] of [
  ["was never good", "failed", "failed"],
  ["was good far back", "proved", "failed"],
  ["was never proved", "good", "good"],
] as const)
  test(`of a job that ${what}, what lies far back is looked through once an hour by who looks again and again`, async (t) => {
    const storage = await since(t, first, 110, others);
    const options = { searchesProof: false, memory: new Map<string, StandingMemory>() };
    const found = await standingOf(storage, options);
    storage.asked.length = 0;
    assert.deepEqual(await standingOf(storage, options), found);
    assert.ok(storage.asked.length <= 33 * 3, `${storage.asked.length} documents`);
    storage.asked.length = 0;
    const later = new Date(NOW.getTime() + 3_600_000);
    assert.deepEqual(await standingOf(storage, { ...options, now: later }), found);
    assert.ok(storage.asked.length > 150, `${storage.asked.length} documents`);
    if (found.proved === undefined) return;
    await storage.remove([manifestKey("docs", found.proved)]);
    assert.equal((await standingOf(storage, options)).proved, undefined);
  });

test("what was stored last of a part of the job, far back, is recalled as well", async (t) => {
  const days: readonly Day[] = ["proved", "narrowed", ...Array<Day>(40).fill("failed")];
  const storage = await ofDays(t, days);
  const options = { searchesProof: false, memory: new Map<string, StandingMemory>() };
  const found = await standingOf(storage, options);
  assert.deepEqual([found.good, found.successIn], ["2026-10-12T030000Z", "2026-10-13T030000Z"]);
  assert.deepEqual(await standingOf(storage, options), found);
});
